"""Events: verified facts, and what became of each."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)

from webhooks.admin.explanations import explain_event
from webhooks.admin.filters import TimeRangeFilter, WaitingEventFilter
from webhooks.admin.labels import render_label
from webhooks.admin.links import link_to, page_of, shorten, show_size, show_time
from webhooks.admin.outcomes import describe_deliveries, describe_effects, describe_request
from webhooks.admin.payload import format_payload, may_see_payload
from webhooks.admin.retries import Chosen
from webhooks.admin.search import match_events
from webhooks.admin.stopped import StoppedAdmin
from webhooks.admin.stopped_events import close_chosen_events, retry_chosen_events
from webhooks.models import Conversation, Effect, Event, Route, Source
from webhooks.processing.projection import STAGES


class EventTypeFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Offers the types that are known beforehand: to read them from the events takes a scan."""

    title = "event type"
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the sender's types and those that a route asks for."""
        routed = Route.objects.values_list("event_type", flat=True)
        return [(name, name) for name in sorted({*STAGES, *routed})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:  # noqa: ARG002
        """Return the events of the chosen type."""
        return queryset.filter(event_type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(StoppedAdmin):
    """Events."""

    state_column = "status"
    most = 500  # bodies, which may be megabytes each, are read to say what would happen
    list_display = [
        "short_id",
        "event_type",
        "state",
        "effects",
        "conversation",
        "source",
        "received",
    ]
    list_filter = [
        WaitingEventFilter,
        ("status", ChoicesDropdownFilter),
        EventTypeFilter,
        ("source", RelatedDropdownFilter),
        ("received_at", TimeRangeFilter),
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
        """Return what became of the event, and its payload to who may see it."""
        payload = None
        if may_see_payload(request.user) and obj.body is not None:
            payload = format_payload(bytes(obj.body))
        return {
            "heading": obj.event_type,
            "meaning": explain_event(obj),
            "deliveries": describe_deliveries(request, obj),
            "effects": describe_effects(request, obj.effects.all()),
            "payload": payload,
            "may_see_payload": may_see_payload(request.user),
            "size": show_size(obj.body_bytes),
        }

    def retry(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about a retry of the events, or have it done and return nothing."""
        return retry_chosen_events(self, request, chosen)

    def close(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about closing the events, or have it done and return nothing."""
        return close_chosen_events(self, request, chosen)

    def has_retrying_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell who may retry: who may do so with effects, too, since those come along."""
        allowed = request.user.has_perm("webhooks.change_effect")
        return allowed and super().has_retrying_permission(request, obj)

    def is_retryable(self, obj: Any) -> bool:
        """Tell whether the event, or an effect of it, went wrong."""
        stopped = obj.effects.filter(state__in=Effect.STOPPED)
        return super().is_retryable(obj) or stopped.exists()

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
