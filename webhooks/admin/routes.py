"""Routes: which event leads to which effect; people change them here."""

from django.contrib import admin

from webhooks.admin.base import ModelAdmin
from webhooks.models import Route


@admin.register(Route)
class RouteAdmin(ModelAdmin):
    """Routes."""

    list_display = ["event_type", "integration", "condition", "is_active"]
    list_filter = ["integration", "is_active"]
    search_fields = ["event_type"]
    search_help_text = "Event type"
    fields = ["event_type", "integration", "condition", "is_active"]
