"""Replays: who had events processed again, when and why."""

from typing import Any

from django.contrib import admin

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.links import shorten_text, show_time
from webhooks.models import Replay


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    """Replays."""

    list_display = [
        "requested",
        "requested_by",
        "requested_from",
        "why",
        "events",
        "effects_to_run",
        "effects_kept",
    ]
    list_filter_submit = False
    list_select_related = ["requested_by"]
    fields = [
        ("requested_by", "requested_from"),
        "requested",
        "reason",
        "selection",
        ("events", "effects_to_run"),
        "effects_kept",
    ]

    @admin.display(description="requested")
    def requested(self, replay: Replay) -> Any:
        """Return when it was asked for."""
        return show_time(replay.created_at)

    @admin.display(description="reason")
    def why(self, replay: Replay) -> str:
        """Return the reason given, at a list's length."""
        return shorten_text(replay.reason)
