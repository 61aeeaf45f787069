"""Have what failed wait for people no longer, with a reason.

Each row keeps its key and what it said last, so nothing else takes its place, and can be retried
later all the same.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from webhooks.models import Effect, Event, Replay
from webhooks.operations.retry import find_effects, tell_left_alone
from webhooks.operations.selection import EffectSelection, Selection, select_events
from webhooks.operations.undertaking import Done, Foreseen, Undertaking

NOT_CLOSED: Mapping[Event.Status, str] = {
    Event.Status.PENDING: "processed by itself, now or when its back-off is over",
    Event.Status.HELD: "held until its source is resumed",
    Event.Status.PROCESSED: "processed; its failed effects are closed in the list of effects",
    Event.Status.IGNORED: "nothing is owed for it",
    Event.Status.CLOSED: "closed already",
}
"""Why a closing leaves events alone, by their status."""


class EffectClosing(Undertaking):
    """A closing of the effects that a selection means, as far as they wait for people."""

    size: ClassVar = 500
    nothing: ClassVar = "none of them failed or is dead."

    def __init__(self, selection: EffectSelection) -> None:
        self.selection = selection

    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Effect]:
        """Return the effects that are meant: where nothing names them, those that failed."""
        return find_effects(self.selection, Q(state__in=Effect.STOPPED), after, upto)

    def describe_concerned(self) -> Q:
        """Return what holds for effects that can be closed."""
        return Q(state__in=Effect.STOPPED)

    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return how many effects would be closed, and how many left alone, and why."""
        states = Effect.objects.filter(pk__in=keys).order_by().values_list("state")
        counts: dict[str, int] = dict(states.annotate(Count("pk")))
        closed = sum(counts.get(state, 0) for state in Effect.STOPPED)
        return Foreseen(closed, {"Effects: closed": closed} | tell_left_alone(counts))

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Close the stopped ones of these effects."""
        closed = close_effects(run, keys)
        return Done(effects_closed=closed, effects_kept=len(keys) - closed)


class EventClosing(Undertaking):
    """A closing of the events that a selection means, as far as they wait for people."""

    size: ClassVar = 500
    nothing: ClassVar = "none of them failed or is dead."

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Event]:
        """Return the events that are meant: where nothing names them, those that failed."""
        events = select_events(self.selection, after, upto)
        if self.selection.names_rows or self.selection.status:
            return events
        return events.filter(status__in=Event.STOPPED)

    def describe_concerned(self) -> Q:
        """Return what holds for events that can be closed."""
        return Q(status__in=Event.STOPPED)

    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return how many events would be closed, and how many left alone, and why."""
        states = Event.objects.filter(pk__in=keys).order_by().values_list("status")
        counts: dict[str, int] = dict(states.annotate(Count("pk")))
        closed = sum(counts.get(status, 0) for status in Event.STOPPED)
        left_alone = {
            f"Left alone: {why}": counts.get(status, 0) for status, why in NOT_CLOSED.items()
        }
        return Foreseen(closed, {"Events: closed": closed} | left_alone)

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Close the stopped ones of these events."""
        return Done(events=close_events(run, keys))


@transaction.atomic
def close_effects(run: Replay, keys: Sequence[int]) -> int:
    """Close the stopped ones of the effects, for `run`, which they name; return how many."""
    # Locked in one order, as a retry locks them.
    locked = Effect.objects.filter(pk__in=keys, state__in=Effect.STOPPED)
    locked = locked.order_by("pk").select_for_update(no_key=True)
    stopped = list(locked.values_list("pk", flat=True))
    Effect.objects.filter(pk__in=stopped).update(state=Effect.State.CLOSED, replay=run)
    return len(stopped)


@transaction.atomic
def close_events(run: Replay, keys: Sequence[int]) -> int:
    """Close the stopped ones of the events, for `run`, which they name; return how many."""
    locked = Event.objects.filter(pk__in=keys, status__in=Event.STOPPED)
    locked = locked.order_by("pk").select_for_update(no_key=True)
    stopped = list(locked.values_list("pk", flat=True))
    Event.objects.filter(pk__in=stopped).update(status=Event.Status.CLOSED, replay=run)
    return len(stopped)
