"""Have stored events processed again, as if they had just arrived.

A replay is a normal run with the same keys: what was applied is not applied again, what failed is
tried again, and what today's routes owe beyond that is planned. It can be interrupted anywhere
and asked for again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least, Now

from webhooks.models import Effect, Event, Replay
from webhooks.operations.broker import find_broker_errors
from webhooks.operations.forecast import Forecast, forecast_events, sort_events
from webhooks.operations.selection import Selection, read_batches, select_events
from webhooks.processing.effects import retry_effects
from webhooks.processing.hints import send_hints

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay has set going; `handed_over` of its events went to the broker at once.

    The others were not taken by the broker, and wait for the sweep.
    """

    replay: Replay
    forecast: Forecast
    handed_over: int


def replay(
    selection: Selection,
    *,
    reason: str,
    requested_by: User | None,
    requested_from: str,
    progress: Callable[[int, list[int]], object] | None = None,
) -> Replayed:
    """Have the events that `selection` means processed again, and record who asked and why.

    An event that waits to be processed already is left alone, and so is one whose body is no
    longer stored, or that somebody has closed, unless closed ones are asked for. `progress` is
    told for each batch how many events were looked at, and the keys of those that were restarted.
    A broker that is down is no error: the events are due, so the sweep finds them. Called by the
    `replay_events` command and the admin.
    """
    row = Replay.objects.create(
        requested_by=requested_by,
        requested_from=requested_from,
        reason=reason,
        selection=selection.describe(),
    )
    total = Forecast()
    promised: set[str] = set()
    hints = Hints()
    for batch in read_batches(select_events(selection)):
        events = Event.objects.filter(pk__in=batch)
        forecast, replayed = restart_events(row, events, promised, reopens=selection.names_closed)
        hints.send(len(replayed))
        total += forecast
        if progress:
            progress(len(batch), replayed)
    row.refresh_from_db()
    logger.info("replayed", replay=row.pk, events=total.events, effects_to_run=total.to_run)
    return Replayed(row, total, hints.sent)


@transaction.atomic
def restart_events(
    row: Replay, events: QuerySet[Event], promised: set[str], *, reopens: bool = False
) -> tuple[Forecast, list[int]]:
    """Make the events and their stopped effects pending again, for `row`, which counts them.

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
        replay=row,
    )
    # In the order in which a retry locks them.
    stopped = Effect.objects.filter(event__in=keys, state__in=Effect.STOPPED).order_by("pk")
    stopped = stopped.select_for_update(no_key=True)
    retry_effects(list(stopped.values_list("pk", flat=True)), Effect.Priority.REPLAY, row)
    Replay.objects.filter(pk=row.pk).update(
        events=F("events") + forecast.events,
        effects_to_run=F("effects_to_run") + forecast.to_run,
        effects_kept=F("effects_kept") + forecast.kept,
    )
    return forecast, keys


class Hints:
    """Sends hints until the broker fails once: each further try would cost its time-out."""

    def __init__(self) -> None:
        self.sent = 0
        self._broken = False

    def send(self, events: int) -> None:
        """Send hints at so many events, or leave them to the sweep."""
        if self._broken:
            return
        try:
            send_hints({"events": events})
        except find_broker_errors() as error:
            self._broken = True
            logger.warning("hint_not_published", error_class=type(error).__name__)
        else:
            self.sent += events
