"""Effects: the side effects that events owe, each with its state."""

from datetime import datetime, time
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.models import Budget
from webhooks.admin.acts.stopped_effects import StoppedEffectAdmin
from webhooks.admin.find.callers import CallerOfEffectFilter
from webhooks.admin.find.filters import (
    CountedChoicesFilter,
    EffectEventTypeFilter,
    EndTimeFilter,
    WaitingEffectFilter,
    WrittenTimeFilter,
    count_choices,
)
from webhooks.admin.find.saved_views import BuiltIn
from webhooks.admin.find.search import match_effects
from webhooks.admin.personal.looks import LookAdmin, shows_said
from webhooks.admin.personal.masking import REQUEST
from webhooks.admin.personal.payload import show_object
from webhooks.admin.words.advice import describe_step
from webhooks.admin.words.asked_for import read_request
from webhooks.admin.words.explanations import explain_effect
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_out, link_to, shorten, shorten_text, show_age, show_time
from webhooks.admin.words.next_steps import advise_effect
from webhooks.admin.words.outcomes import describe_attempts, describe_lease, describe_request
from webhooks.admin.words.redoing import describe_chain
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


def name_failed_today(integration: Effect.Integration) -> dict[str, str]:
    """Return the list's parameters for what failed today, by the reader's clock."""
    return {
        "finished_at_from_0": timezone.localdate().isoformat(),
        "integration__exact": integration.value,
        "needs": "people",
    }


def failed_today(integration: Effect.Integration) -> Q:
    """Return what holds for what failed today."""
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
    return Q(state__in=Effect.STOPPED, integration=integration, finished_at__gte=midnight)


@admin.register(Effect)
class EffectAdmin(LookAdmin, StoppedEffectAdmin):
    """Effects."""

    list_display = [
        "integration",
        "status",
        "event_link",
        "conversation_link",
        "attempts_made",
        "why",
        "downstream",
        "age",
    ]
    list_filter = [
        WaitingEffectFilter,
        ("state", CountedChoicesFilter),
        ("integration", CountedChoicesFilter),
        EffectEventTypeFilter,
        ("created_at", WrittenTimeFilter),
        ("finished_at", EndTimeFilter),
        CallerOfEffectFilter,
    ]
    counted = {
        ("needs", "people"): Q(state__in=Effect.STOPPED),
        **count_choices("state__exact", "state", Effect.State.values),
        **count_choices("integration__exact", "integration", Effect.Integration.values),
    }
    built_in_views = [
        BuiltIn(
            "Needs attention", lambda: {"needs": "people"}, lambda: Q(state__in=Effect.STOPPED)
        ),
        *(
            BuiltIn(
                f"Failed on {integration.label} today",
                partial(name_failed_today, integration),
                partial(failed_today, integration),
            )
            for integration in Effect.Integration
        ),
        BuiltIn("Waiting", lambda: {"state__exact": "pending"}, lambda: Q(state="pending")),
    ]
    search_fields = ["idempotency_key"]
    search_help_text = "Idempotency key, ticket or record, event id or conversation"
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
                    "chain",
                ]
            },
        ),
    ]
    change_form_template = "admin/webhooks/effect.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Effect]:
        """Leave what is asked for, and all that was said, to the pages that show it."""
        queryset: QuerySet[Effect] = super().get_queryset(request)
        return queryset.select_related("event", "conversation").defer(*LARGE)

    def match(self, term: str) -> Q:
        """Find effects by their key, event or conversation."""
        return match_effects(term)

    def get_page_context(self, request: HttpRequest, obj: Effect) -> dict[str, Any]:
        """Return the effect's attempts, and what it asks for as far as that is shown."""
        budget = Budget.objects.filter(pk=obj.integration).first()
        attempts = list(obj.attempts.order_by("number"))
        error = attempts[-1].error_class if attempts else ""
        asked = read_request(obj.pk)
        in_full = shows_said(request)
        return {
            **super().get_page_context(request, obj),
            "heading": f"Effect on {obj.get_integration_display()}",
            "meaning": explain_effect(obj, budget),
            "step": describe_step(advise_effect(obj, error, budget, timezone.now()), request.user),
            "attempts": describe_attempts(attempts, request.user),
            "lease": describe_lease(obj, attempts, timezone.now()),
            "is_frozen": asked.is_frozen,
            "trouble": asked.trouble,
            "payload": show_object(asked.request, REQUEST, in_full=in_full),
            "preview": show_object(asked.preview, {}, in_full=in_full),
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

    @admin.display(description="when")
    def age(self, effect: Effect) -> SafeString:
        """Return how long ago it came to its end; when it was planned, where that is to come."""
        if effect.finished_at is None:
            return format_html("planned {}", show_age(effect.created_at))
        return format_html("ended {}", show_age(effect.finished_at))

    @admin.display(description="finished")
    def finished(self, effect: Effect) -> Any:
        """Return when it came to its end."""
        return show_time(effect.finished_at)

    @admin.display(description="done again")
    def chain(self, effect: Effect) -> SafeString | str:
        """Return the ways to what this effect does again, and to what does it again."""
        return describe_chain(effect)
