"""Everything that happened for a conversation, or for one of its events, in order of time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from integrations.models import Budget
from webhooks.admin.words.advice import Link, describe_step, name_culprit
from webhooks.admin.words.explanations import (
    explain_attempt,
    explain_effect,
    explain_event,
)
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_out, page_of
from webhooks.admin.words.next_steps import advise_attempt, advise_effect, advise_event
from webhooks.admin.words.outcomes import show_duration
from webhooks.admin.words.verifications import advise_delivery, explain_delivery, explain_secret
from webhooks.models import Attempt, Conversation, Delivery, Effect, Event, Replay, SigningSecret

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened at `at`: `title` says to what, `label` with what result.

    `whose` says whose fault it is where something went wrong, `todo` what to do about it, and
    `links` lead to where that is done. `record` is what came of it at an integration.
    """

    at: datetime
    kind: str
    title: str
    label: SafeString
    meaning: str
    url: str
    whose: str = ""
    todo: str = ""
    links: Sequence[Link] = ()
    record: SafeString | str = ""

    @property
    def icon(self) -> str:
        """The name of the picture that stands for its kind."""
        return ICONS[self.kind]

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands among other entries."""
        return self.at, KINDS.index(self.kind)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a timeline is of: all events and effects of a conversation, or those of one event."""

    events: QuerySet[Event]
    effects: QuerySet[Effect]


def scope_conversation(conversation: Conversation) -> Scope:
    """Return what the timeline of a conversation is of."""
    events = Event.objects.filter(conversation_uuid=conversation.conversation_uuid)
    return Scope(events, conversation.effects.all())


def scope_event(event: Event) -> Scope:
    """Return what the timeline of one event is of."""
    return Scope(Event.objects.filter(pk=event.pk), event.effects.all())


def build_timeline(scope: Scope, reader: User | AnonymousUser) -> list[Entry]:
    """Return what happened, the oldest first, of the kinds of rows that `reader` may see.

    Of each kind the `MOST` newest rows are there, and of replays the last one of each event and
    effect, which bring them along. Makes a query for each kind, and three for what they hang on.
    """
    events = scope.events.select_related("source", "replay__requested_by")
    newest = list(events.defer("body", "body_sha256").order_by("-pk")[:MOST])
    by_key = {event.pk: event for event in newest}
    owed = scope.effects.select_related("event", "replay__requested_by")
    owed = owed.defer("request", "preview", "event__body", "event__body_sha256")
    effects = list(owed.order_by("-pk")[:MOST])
    attempts = list(
        Attempt.objects.filter(effect__in=[effect.pk for effect in effects]).order_by("-pk")[:MOST]
    )
    entries: list[Entry] = []
    if reader.has_perm("webhooks.view_event"):
        entries += (describe_event(event, effects, reader) for event in newest)
    if reader.has_perm("webhooks.view_replay"):
        last = [event.replay for event in newest] + [effect.replay for effect in effects]
        replays = {replay.pk: replay for replay in last if replay}
        entries += (describe_replay(replays[pk]) for pk in sorted(replays, reverse=True))
    if reader.has_perm("webhooks.view_delivery"):
        entries += describe_deliveries(by_key, reader)
    if reader.has_perm("webhooks.view_effect"):
        entries += describe_effects(effects, attempts, reader)
    if reader.has_perm("webhooks.view_attempt"):
        named = {effect.pk: effect for effect in effects}
        entries += (describe_attempt(attempt, named[attempt.effect_id]) for attempt in attempts)
    # Each kind came newest first; what happened at one moment keeps the order of its rows.
    entries.reverse()
    entries.sort(key=lambda entry: entry.place)
    return entries


def describe_event(event: Event, effects: Iterable[Effect], reader: User | AnonymousUser) -> Entry:
    """Return the processing of an event; as long as it waits, it stands where that began.

    It is marked as processed after its effects are planned, in the same transaction, and yet they
    follow from it: it stands before them.
    """
    # What is known of a replayed event dates from the replay, also while it waits.
    since = event.replay.created_at if event.replay else event.received_at
    at = max(event.processed_at or since, since)
    planned = (effect.created_at for effect in effects if effect.event_id == event.pk)
    together = [moment for moment in planned if since <= moment < at < moment + SAME_MOMENT]
    advice = advise_event(event) if event.status != Event.Status.PENDING or event.error else None
    return Entry(
        at=min([at, *together]),
        kind="event",
        title=f"Event {event.event_type}",
        label=render_label(Event.Status(event.status)),
        meaning=explain_event(event),
        url=page_of(Event, event.pk),
        **describe_step(advice, reader),
    )


def describe_deliveries(
    events: Mapping[int, Event], reader: User | AnonymousUser
) -> Iterator[Entry]:
    """Yield the deliveries of `events`, which are given by their keys, the newest first."""
    rows = Delivery.objects.filter(event__in=events).select_related("source", "secret")
    deliveries = list(rows.defer("secret__value").order_by("-pk")[:MOST])
    newest = find_newest_secrets({delivery.source_id for delivery in deliveries})
    for delivery in deliveries:
        event = events[delivery.event_id or 0]
        secret = explain_secret(delivery.secret, newest.get(delivery.source_id))
        signed = f" Signed with {secret}." if secret else ""
        yield Entry(
            at=delivery.received_at,
            kind="delivery",
            title=f"Delivery of {event.event_type} from {delivery.source.slug}",
            label=render_label(Delivery.Outcome(delivery.outcome)),
            meaning=explain_delivery(delivery) + signed,
            url=page_of(Delivery, delivery.pk),
            **describe_step(advise_delivery(delivery), reader),
        )


def find_newest_secrets(sources: Iterable[int]) -> dict[int, int]:
    """Return for each source the key of its newest active secret."""
    active = SigningSecret.objects.filter(source__in=sources, retired_at=None)
    return dict(active.order_by("created_at", "pk").values_list("source", "pk"))


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


def describe_effects(
    effects: Iterable[Effect], attempts: Iterable[Attempt], reader: User | AnonymousUser
) -> Iterator[Entry]:
    """Yield effects, each at the time at which it was planned; `attempts` are theirs, newest first.

    What they say of it is how it stands now.
    """
    budgets = Budget.objects.in_bulk()
    now = timezone.now()
    last = find_last_errors(attempts)
    for effect in effects:
        budget = budgets.get(effect.integration)
        advice = advise_effect(effect, last.get(effect.pk, ""), budget, now)
        redone = " once more" if effect.redo_of_id else ""
        yield Entry(
            at=effect.created_at,
            kind="effect",
            title=f"Effect on {effect.get_integration_display()}{redone}",
            label=render_label(Effect.State(effect.state)),
            meaning=explain_effect(effect, budget),
            url=page_of(Effect, effect.pk),
            record=link_out(effect.external_url, effect.external_id),
            **describe_step(advice, reader),
        )


def find_last_errors(attempts: Iterable[Attempt]) -> dict[int, str]:
    """Return the classes of the errors that the effects' last attempts ended with, if they did.

    `attempts` come newest first.
    """
    last: dict[int, str] = {}
    for attempt in attempts:
        last.setdefault(attempt.effect_id, attempt.error_class)
    return last


def describe_attempt(attempt: Attempt, effect: Effect) -> Entry:
    """Return a try of an effect, at the time at which it began.

    What to do about it is said of the effect, since it is tried more than once.
    """
    advice = advise_attempt(attempt)
    return Entry(
        at=attempt.started_at,
        kind="attempt",
        title=f"Attempt {attempt.number} on {effect.get_integration_display()}",
        label=render_label(Attempt.Outcome(attempt.outcome)),
        meaning=explain_attempt(attempt) or f"Took {show_duration(attempt)}.",
        url=page_of(Effect, effect.pk),
        whose=name_culprit(advice),
    )


def split_days(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Return the entries by the day on which they happened, in the reader's zone."""
    days: dict[str, list[Entry]] = {}
    for entry in entries:
        day = date_format(timezone.localtime(entry.at), "l j F Y")
        days.setdefault(day, []).append(entry)
    return days
