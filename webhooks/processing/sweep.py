"""Find whatever is due and was dropped, and hand it to Celery again, until none is left.

What was never published, was lost by the broker or died with a worker all look alike here. An
event is a row whose `sweep_at` has passed; one that was handed over comes up again a while later
if nothing has become of it, each time after a longer while. Effects need no such column: it is
enough to tell an integration's workers that something there has been due for a moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import DurationField, F, QuerySet
from django.db.models.functions import Greatest, Least, Now

from integrations.base import Alias
from integrations.kinds import REQUESTS
from integrations.models import Budget
from webhooks.models import Event
from webhooks.processing.claims import find_due
from webhooks.processing.concurrency import read_fan_out
from webhooks.processing.dispatch import send_events
from webhooks.processing.hints import count_waiting, send_hints

logger = structlog.stdlib.get_logger(__name__)

BATCH = 500
RESEND_AFTER = timedelta(minutes=1)
LONGEST_RESEND = timedelta(minutes=10)
"""How long a hint from the sweep may wait in its queue before another is sent: the first one a
minute, each further one as long as the event is due by then, since what waits in a long queue
would make it longer still."""

EFFECT_GRACE = timedelta(seconds=2)
"""How long an effect is left to the hint that was sent when it was planned.

Less than for events, since a hint too many costs a worker one query; and what becomes due by the
clock, such as a retry, has had no hint at all.
"""

CLOSED = frozenset(
    {Budget.State.PAUSED, Budget.State.HELD, Budget.State.BROKEN, Budget.State.PROBING}
)
"""States in which a worker would only be told to go away."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many events were handed over, and how many hints at due effects were sent."""

    events: int
    hints: int


def sweep(progress: Callable[[int], object] | None = None) -> Swept:
    """Hand over all that is due; called by beat's task and the `sweep` command.

    Any number of sweeps may run at once: each takes events that no other has. `progress` is told
    the size of each batch of events. Raises what the broker's client does.
    """
    # Hints first: they are few, and a flood of events must not keep them from being sent.
    hints = hint_at_effects()
    swept = Swept(events=hand_over_events(progress), hints=hints)
    if swept.events or swept.hints:
        logger.info("swept", events=swept.events, hints=swept.hints)
    return swept


def hand_over_events(progress: Callable[[int], object] | None) -> int:
    """Publish hints for all due events, `BATCH` at a time; return how many there were.

    Raises what the broker's client does, and the events stay due then.
    """
    count = 0
    while batch := take_due():
        try:
            send_events(batch)
        except Exception:
            give_back(batch)
            raise
        count += len(batch)
        if progress:
            progress(len(batch))
    return count


@transaction.atomic
def take_due() -> list[int]:
    """Return the keys of the longest due events, at most `BATCH`, and put off their next turn."""
    taken = list(
        Event.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(status=Event.Status.PENDING, sweep_at__lte=Now())
        .order_by("sweep_at")
        .values_list("pk", flat=True)[:BATCH]
    )
    due_for = Now() - F("due_at")
    wait = Greatest(Least(due_for, LONGEST_RESEND), RESEND_AFTER, output_field=DurationField())
    find_events(taken).update(sweep_at=Now() + wait)
    return taken


def give_back(taken: list[int]) -> None:
    """Make events due for the next sweep again whose hints the broker did not take.

    A worker may have claimed one meanwhile: a hint too many does no harm.
    """
    find_events(taken).update(sweep_at=Now())


def find_events(taken: list[int]) -> QuerySet[Event]:
    """Return the events that were taken, whatever their status is by now."""
    return Event.objects.filter(pk__in=taken)


def hint_at_effects() -> int:
    """Send hints to each integration that has left a due effect waiting; return how many.

    No more than are of use, and none while its budget is closed, nor while as many wait in its
    queue: with nobody there to take them they would pile up. Raises what the broker's client does.
    """
    due = {alias: count for alias in find_admitted() if (count := count_overdue(alias))}
    wanted = {alias: count for alias, count in due.items() if count_waiting(alias) < count}
    send_hints(wanted)
    return sum(wanted.values())


def find_admitted() -> list[Alias]:
    """Return the integrations whose effects may begin, or may soon."""
    budgets = Budget.objects.annotate(now=Now())
    closed = {budget.alias for budget in budgets if budget.read_state(budget.now) in CLOSED}
    return [alias for alias in REQUESTS if alias not in closed]


def count_overdue(alias: Alias) -> int:
    """Return how many effects have been due for longer than their hints take, up to the fan-out."""
    overdue = find_due(alias).filter(due_at__lte=Now() - EFFECT_GRACE)
    return overdue.values("pk")[: read_fan_out(alias)].count()
