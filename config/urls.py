"""Every address there is."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    # The middleware answers these itself; here they have their names.
    path("", include("config.program_urls")),
    path("admin/", admin.site.urls),
    path("api/", include("webhooks.api.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
