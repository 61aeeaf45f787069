"""Rejections: how many deliveries were turned away, hour by hour."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.filters import TimeRangeFilter
from webhooks.admin.words.advice import describe_step
from webhooks.admin.words.links import show_time
from webhooks.admin.words.verifications import ADVICE, describe_causes, explain_verification
from webhooks.models import Delivery, RejectionCount


@admin.register(RejectionCount)
class RejectionCountAdmin(ReadOnlyAdmin):
    """Counts of all rejected deliveries; of the first ones each hour there are rows as well."""

    list_display = ["from_hour", "source", "verification", "count"]
    list_filter = [
        ("source", RelatedDropdownFilter),
        ("verification", ChoicesDropdownFilter),
        ("hour", TimeRangeFilter),
    ]
    list_select_related = ["source"]
    ordering = ["-hour", "-id"]
    fields = [("from_hour", "count"), ("source", "verification")]
    change_form_template = "admin/webhooks/rejections.html"

    @admin.display(description="hour from")
    def from_hour(self, count: RejectionCount) -> Any:
        """Return when the hour began."""
        return show_time(count.hour)

    def get_page_context(self, request: HttpRequest, obj: RejectionCount) -> dict[str, Any]:
        """Return the reason in words, what to do, and the causes as far as they were found."""
        advice = ADVICE[Delivery.Verification(obj.verification)].at(source=obj.source_id)
        causes = count_causes(obj)
        return {
            **super().get_page_context(request, obj),
            "heading": f"{obj.count:,} turned away: {obj.get_verification_display()}",
            "meaning": explain_verification(obj.verification, obj.source),
            "step": describe_step(advice, request.user),
            "causes": describe_causes(causes),
            "looked_at": sum(causes.values()),
        }


def count_causes(rejections: RejectionCount) -> dict[str, int]:
    """Return how many of the hour's deliveries of which there are rows had which cause."""
    until = rejections.hour + timedelta(hours=1)
    rows = Delivery.objects.filter(
        source=rejections.source_id,
        outcome=Delivery.Outcome.REJECTED,
        verification=rejections.verification,
        received_at__gte=rejections.hour,
        received_at__lt=until,
    )
    counts = rows.order_by().values_list("cause").annotate(Count("pk"))
    return dict(sorted(counts, key=lambda item: -item[1]))
