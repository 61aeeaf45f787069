"""Every address there is."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from webhooks.operations.health import show_health, show_readiness

urlpatterns = [
    path("", include("webhooks.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("webhooks.api.urls")),
    # Without a final slash, as the programs that ask them are used to.
    path("healthz", show_health, name="healthz"),
    path("readyz", show_readiness, name="readyz"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
