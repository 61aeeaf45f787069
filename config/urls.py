"""Every address there is."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from webhooks.admin.dashboard.page import show_dashboard_alone
from webhooks.admin.find.find_page import find_view

urlpatterns = [
    # The middleware answers these itself; here they have their names.
    path("", include("config.program_urls")),
    # In front of unfold's own search, which knows pages and no rows.
    path("admin/search/", admin.site.admin_view(find_view), name="find"),
    # The start page's content, for the start page that refreshes itself.
    path("admin/dashboard/", admin.site.admin_view(show_dashboard_alone), name="dashboard"),
    path("admin/", admin.site.urls),
    path("api/", include("webhooks.api.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
