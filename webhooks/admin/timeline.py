"""Everything that happened for a conversation, in order of time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from webhooks.admin.explanations import (
    explain_attempt,
    explain_delivery,
    explain_effect,
    explain_event,
)
from webhooks.admin.labels import render_label
from webhooks.admin.links import page_of
from webhooks.admin.outcomes import show_duration
from webhooks.models import Attempt, Conversation, Delivery, Effect, Event, Replay

MOST = 500
"""Rows of one kind on a timeline."""

SAME_MOMENT = timedelta(seconds=1)
"""What happened in one transaction is not further apart."""

ICONS = {
    "delivery": "move_to_inbox",
    "replay": "history",
    "event": "bolt",
    "effect": "task_alt",
    "attempt": "replay",
}
KINDS = tuple(ICONS)
"""In the order in which one leads to the other, should they have happened at the same moment."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened at `at`: `title` says to what, `label` with what result."""

    at: datetime
    kind: str
    title: str
    label: SafeString
    meaning: str
    url: str

    @property
    def icon(self) -> str:
        """The name of the picture that stands for its kind."""
        return ICONS[self.kind]

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands among other entries."""
        return self.at, KINDS.index(self.kind)


def build_timeline(conversation: Conversation, reader: User | AnonymousUser) -> list[Entry]:
    """Return what happened for the conversation, the oldest first, of the kinds `reader` may see.

    Of each kind the `MOST` newest rows are there, and of replays the last one of each event and
    effect, which bring them along. Makes a query for each kind, and one to find the events.
    """
    events = Event.objects.select_related("replay__requested_by").defer("body", "body_sha256")
    events = events.filter(conversation_uuid=conversation.conversation_uuid)
    newest = list(events.order_by("-pk")[:MOST])
    by_key = {event.pk: event for event in newest}
    owed = conversation.effects.select_related("replay__requested_by").defer("request", "preview")
    effects = list(owed.order_by("-pk")[:MOST])
    entries: list[Entry] = []
    if reader.has_perm("webhooks.view_event"):
        entries += (describe_event(event, effects) for event in newest)
    if reader.has_perm("webhooks.view_replay"):
        last = [event.replay for event in newest] + [effect.replay for effect in effects]
        replays = {replay.pk: replay for replay in last if replay}
        entries += (describe_replay(replays[pk]) for pk in sorted(replays, reverse=True))
    if reader.has_perm("webhooks.view_delivery"):
        deliveries = Delivery.objects.filter(event__in=by_key).select_related("source")
        entries += describe_deliveries(deliveries.order_by("-pk")[:MOST], by_key)
    if reader.has_perm("webhooks.view_effect"):
        entries += map(describe_effect, effects)
    if reader.has_perm("webhooks.view_attempt"):
        attempts = Attempt.objects.filter(effect__conversation=conversation)
        attempts = attempts.select_related("effect").defer("effect__request")
        entries += map(describe_attempt, attempts.order_by("-pk")[:MOST])
    # Each kind came newest first; what happened at one moment keeps the order of its rows.
    entries.reverse()
    entries.sort(key=lambda entry: entry.place)
    return entries


def describe_event(event: Event, effects: Iterable[Effect]) -> Entry:
    """Return the processing of an event; as long as it waits, it stands where that began.

    It is marked as processed after its effects are planned, in the same transaction, and yet they
    follow from it: it stands before them.
    """
    # What is known of a replayed event dates from the replay, also while it waits.
    since = event.replay.created_at if event.replay else event.received_at
    at = max(event.processed_at or since, since)
    planned = (effect.created_at for effect in effects if effect.event_id == event.pk)
    together = [moment for moment in planned if since <= moment < at < moment + SAME_MOMENT]
    return Entry(
        at=min([at, *together]),
        kind="event",
        title=f"Event {event.event_type}",
        label=render_label(Event.Status(event.status)),
        meaning=explain_event(event),
        url=page_of(Event, event.pk),
    )


def describe_deliveries(
    deliveries: QuerySet[Delivery], events: dict[int, Event]
) -> Iterator[Entry]:
    """Yield the deliveries of `events`, which are given by their keys."""
    for delivery in deliveries:
        event = events[delivery.event_id or 0]
        yield Entry(
            at=delivery.received_at,
            kind="delivery",
            title=f"Delivery of {event.event_type} from {delivery.source.slug}",
            label=render_label(Delivery.Outcome(delivery.outcome)),
            meaning=explain_delivery(delivery),
            url=page_of(Delivery, delivery.pk),
        )


def describe_replay(replay: Replay) -> Entry:
    """Return a replay, at the time at which it was asked for."""
    who = f", {replay.requested_by}" if replay.requested_by else ""
    return Entry(
        at=replay.created_at,
        kind="replay",
        title=f"{str(replay).capitalize()}: {replay.reason}",
        label=SafeString(""),
        meaning=f"By {replay.requested_from}{who}",
        url=page_of(Replay, replay.pk),
    )


def describe_effect(effect: Effect) -> Entry:
    """Return an effect, at the time at which it was planned."""
    return Entry(
        at=effect.created_at,
        kind="effect",
        title=f"Effect on {effect.get_integration_display()}",
        label=render_label(Effect.State(effect.state)),
        meaning=explain_effect(effect),
        url=page_of(Effect, effect.pk),
    )


def describe_attempt(attempt: Attempt) -> Entry:
    """Return a try of an effect, at the time at which it began."""
    effect = attempt.effect
    return Entry(
        at=attempt.started_at,
        kind="attempt",
        title=f"Attempt {attempt.number} on {effect.get_integration_display()}",
        label=render_label(Attempt.Outcome(attempt.outcome)),
        meaning=explain_attempt(attempt) or f"Took {show_duration(attempt)}.",
        url=page_of(Effect, effect.pk),
    )


def split_days(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Return the entries by the day on which they happened, in the reader's zone."""
    days: dict[str, list[Entry]] = {}
    for entry in entries:
        day = date_format(timezone.localtime(entry.at), "l j F Y")
        days.setdefault(day, []).append(entry)
    return days
