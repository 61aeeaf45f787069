"""Find whatever is due and was dropped, and hand it to Celery again, until none is left.

What was never published, was lost by the broker or died with a worker all look alike here: a row
whose `sweep_at` has passed. A row that was handed over comes up again a while later if nothing
has become of it, each time after a longer while; whoever claims it moves `sweep_at` on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import DurationField, F, QuerySet
from django.db.models.functions import Greatest, Least, Now

from webhooks.models import Effect, Event
from webhooks.processing.dispatch import send_effects, send_events

logger = structlog.stdlib.get_logger(__name__)

BATCH = 500
RESEND_AFTER = timedelta(minutes=1)
LONGEST_RESEND = timedelta(minutes=10)
"""How long a hint from the sweep may wait in its queue before another is sent: the first one a
minute, each further one as long as the row is due by then, since what waits in a long queue would
make it longer still."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows were handed over."""

    events: int
    effects: int


def sweep(progress: Callable[[int], object] | None = None) -> Swept:
    """Hand over all that is due; called by beat's task and the `sweep` command.

    Any number of sweeps may run at once: each takes rows that no other has. `progress` is told
    the size of each batch. Raises what the broker's client does.
    """
    due_events = Event.objects.filter(status=Event.Status.PENDING)
    due_effects = Effect.objects.filter(state__in=(Effect.State.PENDING, Effect.State.RUNNING))
    swept = Swept(
        events=hand_over_due(due_events, ("pk",), send_event_rows, progress),
        effects=hand_over_due(due_effects, ("integration", "pk"), send_effects, progress),
    )
    if swept.events or swept.effects:
        logger.info("swept", events=swept.events, effects=swept.effects)
    return swept


def hand_over_due(
    rows: QuerySet[Any],
    columns: tuple[str, ...],
    send: Callable[[list[Any]], None],
    progress: Callable[[int], object] | None,
) -> int:
    """Give `columns` of all due rows to `send`, `BATCH` at a time; return how many there were.

    The last of `columns` is the key. Raises what `send` does, and the rows stay due then.
    """
    count = 0
    while batch := take_due(rows, columns):
        try:
            send(batch)
        except Exception:
            give_back(rows, batch)
            raise
        count += len(batch)
        if progress:
            progress(len(batch))
    return count


def send_event_rows(batch: list[tuple[int]]) -> None:
    """Publish hints for events."""
    send_events([pk for (pk,) in batch])


@transaction.atomic
def take_due(rows: QuerySet[Any], columns: tuple[str, ...]) -> list[Any]:
    """Return `columns` of the longest due rows, at most `BATCH`, and put off their next turn."""
    taken = list(
        rows.select_for_update(skip_locked=True, no_key=True)
        .filter(sweep_at__lte=Now())
        .order_by("sweep_at")
        .values_list(*columns)[:BATCH]
    )
    due_for = Now() - F("due_at")
    wait = Greatest(Least(due_for, LONGEST_RESEND), RESEND_AFTER, output_field=DurationField())
    find_rows(rows, taken).update(sweep_at=Now() + wait)
    return taken


def give_back(rows: QuerySet[Any], taken: list[Any]) -> None:
    """Make rows due for the next sweep again whose hints the broker did not take.

    A worker may have claimed one meanwhile: a hint too many does no harm.
    """
    find_rows(rows, taken).update(sweep_at=Now())


def find_rows(rows: QuerySet[Any], taken: list[Any]) -> QuerySet[Any]:
    """Return the rows that were taken, whatever their state is by now."""
    everything: QuerySet[Any] = rows.model._default_manager.all()  # noqa: SLF001 -- Django's documented API
    return everything.filter(pk__in=[row[-1] for row in taken])
