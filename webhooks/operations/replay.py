"""Have stored events processed again, as if they had just arrived.

A replay is a normal run with the same keys: what was applied is not applied again, what failed is
tried again, and what today's routes owe beyond that is planned.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least, Now

from webhooks.models import Effect, Event, Replay
from webhooks.operations.forecast import Forecast, forecast_events, sort_events
from webhooks.operations.selection import Selection, select_events
from webhooks.operations.undertaking import Done, Foreseen, Undertaking
from webhooks.processing.effects import retry_effects

GONE = "Events: left alone, their body is no longer stored"
"""What is said of those that cannot be replayed any more."""


class EventReplay(Undertaking):
    """A replay of the events that a selection means.

    Left alone are those that are on their way already, whose body is no longer stored, whose source
    is paused, or that somebody has closed, unless closed ones are asked for.
    """

    size: ClassVar = 50
    weight: ClassVar = "body_bytes"
    nothing: ClassVar = "no event that is meant can be processed again."

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._promised: set[str] = set()

    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Event]:
        """Return the events that are meant."""
        return select_events(self.selection, after, upto)

    def describe_concerned(self) -> Q:
        """Return what holds for events that can be replayed."""
        left_alone = [Event.Status.PENDING, Event.Status.HELD]
        if not self.selection.names_closed:
            left_alone.append(Event.Status.CLOSED)
        return ~Q(status__in=left_alone) & Q(body__isnull=False)

    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return what a replay of these events would come to."""
        rows = Event.objects.select_related("source").filter(pk__in=keys).order_by("pk")
        events = list(rows)
        forecast = forecast_events(events, self._promised, reopens=self.selection.names_closed)
        return Foreseen(forecast.events, put_in_words(forecast), note_paused(events))

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Make these events and their stopped effects pending again."""
        forecast, restarted = restart_events(
            run,
            Event.objects.filter(pk__in=keys),
            self._promised,
            reopens=self.selection.names_closed,
        )
        return Done(
            events=forecast.events,
            effects_to_run=forecast.to_run,
            effects_kept=forecast.kept,
            due={"events": len(restarted)},
        )


@transaction.atomic
def restart_events(
    run: Replay, events: QuerySet[Event], promised: set[str], *, reopens: bool = False
) -> tuple[Forecast, list[int]]:
    """Make the events and their stopped effects pending again, for `run`, whose record they name.

    Those that somebody has closed only with `reopens`: else who closed them and why would be gone.
    Returns what that will lead to, and the keys of the events that were restarted.
    """
    # Locked in one order, so that two replays of the same events wait for each other. "No key"
    # lets a delivery of one of these events be recorded meanwhile: its row refers to the event's.
    locked = events.select_for_update(of=("self",), no_key=True)
    found = list(locked.select_related("source").order_by("pk"))
    forecast = forecast_events(found, promised, reopens=reopens)
    keys = [event.pk for event in sort_events(found, reopens=reopens).replayed]
    # Due since they came, and not from now on: half of what workers claim is the newest, which is
    # to be what has just come in, however much is replayed. Not in the future, should a clock have
    # been wrong then.
    Event.objects.filter(pk__in=keys).update(
        status=Event.Status.PENDING,
        attempts=0,
        due_at=Least(F("received_at"), Now()),
        error="",
        replay=run,
    )
    # In the order in which a retry locks them.
    stopped = Effect.objects.filter(event__in=keys, state__in=Effect.STOPPED).order_by("pk")
    stopped = stopped.select_for_update(no_key=True)
    retry_effects(list(stopped.values_list("pk", flat=True)), Effect.Priority.REPLAY, run)
    return forecast, keys


def put_in_words(forecast: Forecast) -> dict[str, int]:
    """Return the forecast's counts, each with what it counts."""
    return {
        "Events: processed again": forecast.events,
        "Events: processed again, and bound to fail": forecast.failing,
        "Events: left alone, pending already": forecast.pending,
        "Events: left alone, held until their source is resumed": forecast.held,
        "Events: left alone, closed and not asked for by name": forecast.closed,
        GONE: forecast.gone,
        "Effects: tried again, failed or dead before": forecast.retried,
        "Effects: added, owed by today's routes": forecast.planned,
        "Effects: kept as they are, done, on their way or closed": forecast.kept,
        "Effects: skipped, switched off, out of scope or owed already": forecast.skipped,
    }


def note_paused(events: Iterable[Event]) -> tuple[str, ...]:
    """Return a sentence for each source of the events that is paused."""
    paused = {event.source.slug for event in events if event.source.paused_at is not None}
    return tuple(
        f"The source {slug} is paused: its events wait until it is resumed."
        for slug in sorted(paused)
    )
