"""What Celery's workers do, in the test's own process and without a broker."""

import os
import signal
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import cast

from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.kinds import REQUESTS
from webhooks.models import Effect, Event
from webhooks.processing.batches import Batch
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.effects import run_effect
from webhooks.processing.events import process_batch


def process_all(events: Iterable[Event]) -> None:
    """Have the events processed, each with what it owes and what is due beside that."""
    for event in events:
        process_event(event.pk)
        run_due()


def claim_events(event_pks: Iterable[int]) -> Batch | None:
    """Claim just these events, as far as they are due: workers do not choose for themselves.

    They must have been tried equally often.
    """
    due = Event.objects.filter(pk__in=event_pks, status=Event.Status.PENDING, due_at__lte=Now())
    keys = tuple(due.order_by("pk").values_list("pk", flat=True))
    ours = Event.objects.filter(pk__in=keys)
    lease = uuid.uuid4()
    # Asked once more, since another may have claimed them meanwhile.
    if not due.filter(pk__in=keys).update(
        attempts=F("attempts") + 1, due_at=Now() + settings.WEBHOOKS_EVENT_LEASE, lease=lease
    ):
        return None
    (attempt,) = set(ours.values_list("attempts", flat=True))
    return Batch(keys, attempt, lease)


def claim_event(event_pk: int) -> Batch | None:
    """Claim just this event, if it is due."""
    return claim_events([event_pk])


def process_event(event_pk: int) -> list[Effect]:
    """Process just this event, if it is due; return the effects that it wants run."""
    batch = claim_event(event_pk)
    return process_batch(batch) if batch else []


def process_together(events: Iterable[Event]) -> None:
    """Process the events that are due in one batch."""
    if batch := claim_events(event.pk for event in events):
        process_batch(batch)


def run_due() -> int:
    """Run all that is due and admitted, whichever integration's; return how many there were."""
    run = 0
    for alias in REQUESTS:
        while isinstance(claim := claim_best(alias), Claim):
            run_effect(claim)
            run += 1
    return run


def run_one(effect: Effect) -> bool:
    """Run the best due effect of the integration; return whether it was this one."""
    claim = claim_best(cast("Alias", effect.integration))
    if isinstance(claim, Claim):
        run_effect(claim)
        return claim.effect.pk == effect.pk
    return False


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Have a signal end what the block is at by then, as Celery ends a task."""

    def end(*_: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGUSR1, end)
    timer = threading.Timer(seconds, os.kill, [os.getpid(), signal.SIGUSR1])
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
