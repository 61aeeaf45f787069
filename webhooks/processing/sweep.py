"""Find whatever is due and was dropped, and send hints at it, until none is left.

What was never published, was lost by the broker, died with a worker or waited for a retry all look
alike here: a kind of work of which something has been due for a moment. Its workers are told so,
and go on by themselves from there; as long as they leave something waiting they are told again.
What was held while its source was paused becomes due here.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.kinds import REQUESTS
from integrations.models import Budget
from webhooks.processing.batches import BATCH, count_due
from webhooks.processing.candidates import count_candidates
from webhooks.processing.concurrency import FAN_OUT, read_fan_out
from webhooks.processing.due_runs import count_due_runs
from webhooks.processing.hints import RUNS_AT_ONCE, hand_on, send_hints
from webhooks.processing.holding import MOST_RELEASED, release_held

logger = structlog.stdlib.get_logger(__name__)

GRACE = timedelta(seconds=2)
"""How long a row is left to the hint that was sent when it was recorded or planned.

Short, since a hint too many costs a worker one query; and what becomes due by the clock, such as a
retry, has had no hint at all.
"""

CLOSED = frozenset(
    {Budget.State.PAUSED, Budget.State.HELD, Budget.State.BROKEN, Budget.State.PROBING}
)
"""States in which a worker would only be told to go away."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many hints were sent at events, at effects, and at what people have asked for."""

    events: int
    effects: int
    runs: int = 0


def sweep() -> Swept:
    """Send hints at all that is overdue; called by beat's task and the `sweep` command.

    Before that, events are released that were held for a pause that is over. Any number of sweeps
    may run at once. Raises what the broker's client does.
    """
    released = release_held()
    swept = Swept(
        events=send_hints({"events": count_overdue_events()}),
        effects=send_hints({alias: count_overdue(alias) for alias in find_admitted()}),
        runs=send_hints({"replays": count_due_runs(most=RUNS_AT_ONCE, for_at_least=GRACE)}),
    )
    if swept.events or swept.effects or swept.runs:
        logger.info("swept", events=swept.events, effects=swept.effects, runs=swept.runs)
    if released:
        logger.info("held_events_released", events=released)
    if released >= MOST_RELEASED:
        # There may be more, and those wait for nothing else.
        hand_on({"sweep": 1})
    return swept


def count_overdue_events() -> int:
    """Return how many events have been due for longer than their hints take, as far as matters."""
    return count_due(most=BATCH * FAN_OUT, for_at_least=GRACE)


def find_admitted() -> list[Alias]:
    """Return the integrations whose effects may begin, or may soon."""
    budgets = Budget.objects.annotate(now=Now())
    closed = {budget.alias for budget in budgets if budget.read_state(budget.now) in CLOSED}
    return [alias for alias in REQUESTS if alias not in closed]


def count_overdue(alias: Alias) -> int:
    """Return how many effects have been due for longer than their hints take, up to the fan-out."""
    return count_candidates(alias, most=read_fan_out(alias), for_at_least=GRACE)
