"""Replays, retries and closings: who had what done, when and why."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.links import shorten_text, show_time
from webhooks.models import Replay


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    """Replays."""

    list_display = [
        "requested",
        "kind",
        "requested_by",
        "requested_from",
        "why",
        "events",
        "effects_to_run",
        "effects_closed",
    ]
    list_filter_submit = False
    list_select_related = ["requested_by"]
    fields = [
        ("kind", "requested"),
        ("requested_by", "requested_from"),
        "reason",
        "selection",
        ("events", "effects_to_run"),
        ("effects_kept", "effects_closed"),
        "rows",
    ]

    @admin.display(description="what")
    def kind(self, replay: Replay) -> str:
        """Return what was asked for."""
        return replay.get_action_display()

    @admin.display(description="rows")
    def rows(self, replay: Replay) -> SafeString:
        """Return the ways to what it concerned, except for what was asked for again since."""
        return format_html_join(
            ", ",
            '<a class="text-link" href="{}?replay__id__exact={}">{}</a>',
            (
                (reverse(f"admin:webhooks_{model}_changelist"), replay.pk, name)
                for model, name in (("event", "events"), ("effect", "effects"))
            ),
        )

    @admin.display(description="requested")
    def requested(self, replay: Replay) -> Any:
        """Return when it was asked for."""
        return show_time(replay.created_at)

    @admin.display(description="reason")
    def why(self, replay: Replay) -> str:
        """Return the reason given, at a list's length."""
        return shorten_text(replay.reason)
