"""Effects: the side effects that events owe, each with its state."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from webhooks.admin.explanations import explain_effect
from webhooks.admin.filters import WaitingEffectFilter
from webhooks.admin.labels import render_label
from webhooks.admin.links import link_out, link_to, shorten, shorten_text, show_time
from webhooks.admin.outcomes import describe_attempts, describe_request
from webhooks.admin.payload import Payload, format_payload, may_see_payload
from webhooks.admin.retries import Chosen
from webhooks.admin.search import match_effects
from webhooks.admin.stopped import StoppedAdmin
from webhooks.admin.stopped_effects import close_chosen_effects, retry_chosen_effects
from webhooks.models import Conversation, Effect, Event

LARGE = (
    "request",
    "preview",
    "event__body",
    "conversation__summary",
    "conversation__goals",
    "conversation__follow_ups",
    "conversation__stamps",
)
"""What no list shows, and a page only to some."""


@admin.register(Effect)
class EffectAdmin(StoppedAdmin):
    """Effects."""

    state_column = "state"
    most = 5000  # rows that are locked and written, 500 at a time
    list_display = [
        "integration",
        "status",
        "event_link",
        "conversation_link",
        "attempts_made",
        "why",
        "downstream",
        "planned",
    ]
    list_filter = [
        WaitingEffectFilter,
        ("state", ChoicesDropdownFilter),
        ("integration", ChoicesDropdownFilter),
    ]
    search_fields = ["idempotency_key"]
    search_help_text = "Idempotency key, event id or conversation"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("integration", "status"),
                    "whole_conversation",
                    "whole_event",
                    "idempotency_key",
                    ("tries", "turn", "due"),
                    ("planned", "finished"),
                    ("downstream", "last_request"),
                ]
            },
        ),
    ]
    change_form_template = "admin/webhooks/effect.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Effect]:
        """Leave what is asked for, and all that was said, to the pages that show it."""
        queryset: QuerySet[Effect] = super().get_queryset(request)
        return queryset.select_related("event", "conversation").defer(*LARGE)

    def retry(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about a retry of the effects, or have it done and return nothing."""
        return retry_chosen_effects(self, request, chosen)

    def close(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about closing the effects, or have it done and return nothing."""
        return close_chosen_effects(self, request, chosen)

    def match(self, term: str) -> Q:
        """Find effects by their key, event or conversation."""
        return match_effects(term)

    def get_page_context(self, request: HttpRequest, obj: Effect) -> dict[str, Any]:
        """Return the effect's attempts, and what it asks for to who may see that."""
        sees = may_see_payload(request.user)
        return {
            "heading": f"Effect on {obj.get_integration_display()}",
            "meaning": explain_effect(obj),
            "attempts": describe_attempts(request, obj),
            "payload": format_object(obj.request) if sees else None,
            "preview": format_object(obj.preview) if sees else None,
            "may_see_payload": sees,
        }

    @admin.display(description="state")
    def status(self, effect: Effect) -> SafeString:
        """Return how far it has come."""
        return render_label(Effect.State(effect.state))

    @admin.display(description="event")
    def event_link(self, effect: Effect) -> SafeString:
        """Return the way to the event that owes it."""
        return link_to(Event, effect.event_id, effect.event.event_type, str(effect.event.event_id))

    @admin.display(description="conversation")
    def conversation_link(self, effect: Effect) -> SafeString:
        """Return the way to the conversation."""
        name = effect.conversation.conversation_uuid
        return link_to(Conversation, effect.conversation_id, shorten(name), name)

    @admin.display(description="conversation")
    def whole_conversation(self, effect: Effect) -> SafeString:
        """Return the way to the conversation, by its whole id."""
        name = effect.conversation.conversation_uuid
        return link_to(Conversation, effect.conversation_id, name)

    @admin.display(description="event")
    def whole_event(self, effect: Effect) -> SafeString:
        """Return the way to the event that owes it, by its whole id."""
        return link_to(Event, effect.event_id, str(effect.event))

    @admin.display(description="reason")
    def why(self, effect: Effect) -> str:
        """Return why it is in its state, at a list's length."""
        return shorten_text(effect.reason) or "-"

    @admin.display(description="record")
    def downstream(self, effect: Effect) -> SafeString | str:
        """Return the record at the integration, and the way to it where there is one."""
        return link_out(effect.external_url, shorten_text(effect.external_id, 12)) or "-"

    @admin.display(description="attempts")
    def tries(self, effect: Effect) -> str:
        """Return how many attempts there were of how many."""
        return f"{effect.attempts_made} of at most {effect.attempts_limit}"

    @admin.display(description="priority")
    def turn(self, effect: Effect) -> str:
        """Return what it goes before, and what goes before it."""
        return effect.get_priority_display()

    @admin.display(description="due")
    def due(self, effect: Effect) -> Any:
        """Return when a worker may take it up, where that is still to come."""
        is_open = effect.state in (Effect.State.PENDING, Effect.State.RUNNING)
        return show_time(effect.due_at) if is_open else "-"

    @admin.display(description="last retry or closing")
    def last_request(self, effect: Any) -> SafeString | str:
        """Return what was last asked for, a retry or a closing, with when and why."""
        return describe_request(effect.replay, is_link=effect.shows_replays)

    @admin.display(description="planned")
    def planned(self, effect: Effect) -> Any:
        """Return when it was planned."""
        return show_time(effect.created_at)

    @admin.display(description="finished")
    def finished(self, effect: Effect) -> Any:
        """Return when it came to its end."""
        return show_time(effect.finished_at)


def format_object(stored: object) -> Payload | None:
    """Return a stored JSON object to show, or None where there is none."""
    if stored is None:
        return None
    return format_payload(json.dumps(stored, ensure_ascii=False).encode())
