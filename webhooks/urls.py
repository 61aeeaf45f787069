"""The sender's way in."""

from django.urls import re_path

from webhooks.ingest.views import receive_delivery

urlpatterns = [
    # Without the final slash too: Django would answer a redirect, which loses the body.
    re_path(r"^webhooks/(?P<slug>[^/]{1,200})/?$", receive_delivery, name="receive_delivery"),
]
