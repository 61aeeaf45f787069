"""Events: verified facts, and what became of each."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from webhooks.admin.acts.stopped_events import StoppedEventAdmin
from webhooks.admin.find.filters import (
    CountedChoicesFilter,
    EventTypeFilter,
    FailedEffectFilter,
    WaitingEventFilter,
    WrittenTimeFilter,
    count_choices,
    has_failed_effect,
)
from webhooks.admin.find.saved_views import BuiltIn
from webhooks.admin.find.search import match_events
from webhooks.admin.personal.looks import LookAdmin, shows_said
from webhooks.admin.personal.masking import ENVELOPE
from webhooks.admin.personal.payload import show_body
from webhooks.admin.words.advice import describe_step
from webhooks.admin.words.explanations import explain_event
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_to, page_of, shorten, show_age, show_size, show_time
from webhooks.admin.words.next_steps import advise_event
from webhooks.admin.words.outcomes import describe_request
from webhooks.admin.words.owed import explain_owed, introduce
from webhooks.admin.words.timeline import build_timeline, scope_event, split_days
from webhooks.models import Conversation, Effect, Event, Source


@admin.register(Event)
class EventAdmin(LookAdmin, StoppedEventAdmin):
    """Events."""

    list_display = [
        "short_id",
        "event_type",
        "state",
        "effects",
        "conversation",
        "source",
        "age",
    ]
    list_filter = [
        WaitingEventFilter,
        ("status", CountedChoicesFilter),
        FailedEffectFilter,
        EventTypeFilter,
        ("source", RelatedDropdownFilter),
        ("received_at", WrittenTimeFilter),
    ]
    counted = {
        ("needs", "people"): Q(status__in=Event.STOPPED),
        **count_choices(
            "status__exact", "status", ("pending", "held", "ignored", "failed", "dead", "closed")
        ),
    }
    built_in_views = [
        BuiltIn(
            "Needs attention", lambda: {"needs": "people"}, lambda: Q(status__in=Event.STOPPED)
        ),
        BuiltIn("With a failed effect", lambda: {"failed_effect": "any"}, has_failed_effect),
        BuiltIn("Waiting", lambda: {"status__exact": "pending"}, lambda: Q(status="pending")),
        BuiltIn("Held", lambda: {"status__exact": "held"}, lambda: Q(status="held")),
    ]
    list_select_related = ["source"]
    search_fields = ["event_id"]
    search_help_text = "Event id or conversation"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "whole_id",
                    ("event_type", "state"),
                    ("whole_conversation", "source_link"),
                    ("organization_name", "agent_uuid"),
                    ("size", "tries"),
                    ("happened", "received"),
                    ("processed", "last_replay"),
                ]
            },
        ),
    ]
    change_form_template = "admin/webhooks/event.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Leave the bodies where they are, and look each event's conversation and effects up."""
        conversation = Conversation.objects.filter(conversation_uuid=OuterRef("conversation_uuid"))
        effects = Effect.objects.order_by("pk").only("event", "integration", "state")
        queryset: QuerySet[Event] = super().get_queryset(request)
        return (
            queryset.defer("body", "body_sha256")
            .annotate(conversation_pk=Subquery(conversation.values("pk")[:1]))
            .prefetch_related(Prefetch("effects", effects, to_attr="owed"))
        )

    def match(self, term: str) -> Q:
        """Find events by their id or conversation."""
        return match_events(term)

    def get_page_context(self, request: HttpRequest, obj: Event) -> dict[str, Any]:
        """Return what became of the event, why, and its payload as far as it is shown."""
        # By itself, so that what is not shown is not a part of the row that error reports have.
        event = Event.objects.select_related("source").get(pk=obj.pk)
        payload = None
        if event.body is not None:
            payload = show_body(bytes(event.body), ENVELOPE, in_full=shows_said(request))
        return {
            **super().get_page_context(request, obj),
            "heading": obj.event_type,
            "meaning": explain_event(obj),
            "step": describe_step(advise_event(obj), request.user),
            "not_processed": introduce(event),
            "reasons": explain_owed(event, request.user),
            "days": split_days(build_timeline(scope_event(obj), request.user)),
            "payload": payload,
            "size": show_size(obj.body_bytes),
        }

    @admin.display(description="event")
    def short_id(self, event: Event) -> str:
        """Return the beginning of the event's id."""
        return shorten(event.event_id)

    @admin.display(description="event id")
    def whole_id(self, event: Event) -> str:
        """Return the event's id, which is the sender's."""
        return str(event.event_id)

    @admin.display(description="status")
    def state(self, event: Event) -> SafeString:
        """Return how far processing has come."""
        return render_label(Event.Status(event.status))

    @admin.display(description="effects")
    def effects(self, event: Any) -> SafeString | str:
        """Return the integrations that are owed something, in the colours of its state."""

        def render() -> Iterator[tuple[SafeString]]:
            for effect in event.owed:
                name = Effect.Integration(effect.integration).label
                state = Effect.State(effect.state)
                href = page_of(Effect, effect.pk)
                done = state is Effect.State.SUCCEEDED
                yield (render_label(state, name if done else f"{name} {state.label}", href=href),)

        return format_html_join(" ", "{}", render()) or "-"

    @admin.display(description="conversation")
    def conversation(self, event: Any) -> SafeString | str:
        """Return the way to the conversation, as soon as there is one."""
        return link_conversation_of(event, shorten(event.conversation_uuid))

    @admin.display(description="conversation")
    def whole_conversation(self, event: Any) -> SafeString | str:
        """Return the way to the conversation, by its whole id."""
        return link_conversation_of(event, event.conversation_uuid)

    @admin.display(description="source")
    def source_link(self, event: Event) -> SafeString:
        """Return the way to the source."""
        return link_to(Source, event.source_id, event.source.slug)

    @admin.display(description="created by the sender")
    def happened(self, event: Event) -> Any:
        """Return when the sender created the event, by its clock."""
        return show_time(event.created)

    @admin.display(description="received")
    def received(self, event: Event) -> Any:
        """Return when it came first."""
        return show_time(event.received_at)

    @admin.display(description="received")
    def age(self, event: Event) -> SafeString | str:
        """Return how long ago it came first."""
        return show_age(event.received_at)

    @admin.display(description="attempts")
    def tries(self, event: Event) -> str:
        """Return how many attempts at processing there were; a replay begins to count anew."""
        is_replayed = event.replay_id and event.status != Event.Status.CLOSED
        since = f" since replay {event.replay_id}" if is_replayed else ""
        return f"{event.attempts}{since}"

    @admin.display(description="last replay or closing")
    def last_replay(self, event: Any) -> SafeString | str:
        """Return what was last asked for, a replay or a closing, with when and why."""
        return describe_request(event.replay, is_link=event.shows_replays)

    @admin.display(description="processed")
    def processed(self, event: Event) -> Any:
        """Return when it was dealt with."""
        return show_time(event.processed_at)

    @admin.display(description="size")
    def size(self, event: Event) -> str:
        """Return the size of the body."""
        return show_size(event.body_bytes)


def link_conversation_of(event: Any, text: str) -> SafeString | str:
    """Return a link to the conversation of an event; only the text as long as there is no row."""
    if event.conversation_pk is None:
        return text or "-"
    return link_to(Conversation, event.conversation_pk, text, event.conversation_uuid)
