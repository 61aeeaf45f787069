"""Find whatever is due and was dropped, and hand it to Celery again, until none is left.

What was never published, was lost by the broker or died with a worker all look alike here: a row
whose `sweep_at` has passed. A row that was handed over comes up again a while later if nothing
has become of it; whoever claims it moves `sweep_at` on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from webhooks.models import Effect, Event
from webhooks.processing.dispatch import send_effects, send_events

logger = structlog.stdlib.get_logger(__name__)

BATCH = 500
RESEND_AFTER = timedelta(minutes=1)
"""How long a hint from the sweep may wait in its queue before another is sent."""


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
    events = effects = 0
    while batch := take_due(due_events, "pk"):
        send_events([pk for (pk,) in batch])
        events += len(batch)
        if progress:
            progress(len(batch))
    while batch := take_due(due_effects, "integration", "pk"):
        send_effects(batch)
        effects += len(batch)
        if progress:
            progress(len(batch))
    if events or effects:
        logger.info("swept", events=events, effects=effects)
    return Swept(events, effects)


@transaction.atomic
def take_due(rows: QuerySet[Any], *columns: str) -> list[Any]:
    """Return `columns` of the longest due rows, at most `BATCH`, and put off their next turn."""
    taken = list(
        rows.select_for_update(skip_locked=True)
        .filter(sweep_at__lte=Now())
        .order_by("sweep_at")
        .values_list(*columns, "pk")[:BATCH]
    )
    keys = [row[-1] for row in taken]
    rows.model._default_manager.filter(pk__in=keys).update(sweep_at=Now() + RESEND_AFTER)  # noqa: SLF001 -- Django's documented API
    return [row[:-1] for row in taken]
