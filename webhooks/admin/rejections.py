"""Rejections: how many deliveries were turned away, hour by hour."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.explanations import explain_verification
from webhooks.admin.links import show_time
from webhooks.models import RejectionCount


@admin.register(RejectionCount)
class RejectionCountAdmin(ReadOnlyAdmin):
    """Counts of all rejected deliveries; of the first ones each hour there are rows as well."""

    list_display = ["from_hour", "source", "verification", "count"]
    list_filter = [("source", RelatedDropdownFilter), ("verification", ChoicesDropdownFilter)]
    list_select_related = ["source"]
    ordering = ["-hour", "-id"]
    fields = ["from_hour", "source", "verification", "meaning", "count"]

    @admin.display(description="hour from")
    def from_hour(self, count: RejectionCount) -> Any:
        """Return when the hour began."""
        return show_time(count.hour)

    @admin.display(description="what that means")
    def meaning(self, count: RejectionCount) -> str:
        """Return the reason, in words."""
        return explain_verification(count.verification, count.source)
