"""A circuit for each integration: where a vendor is down, its effects wait instead of failing.

closed -> open        5 different effects failed for now in a row, or access was denied once
open -> half-open     after 15 s, and twice as long each time, up to 10 min
half-open -> closed   the probe was applied
half-open -> open     it failed

While the circuit is not closed only the probe decides: what began before it opened, and ends late,
says little about the vendor now.

Effects are counted, not failures: one that its vendor fails again and again would else have all
others wait, in an hour in which nothing else succeeds between its tries.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.admission import Admission, return_probe
from integrations.budget.holding import hold
from integrations.budget.rows import lock_row
from integrations.budget.slots import OutOfSlots
from integrations.exceptions import AccessDenied, RateLimited, TemporaryFailure
from integrations.models import Budget
from integrations.text import make_storable

logger = structlog.stdlib.get_logger("integrations.budget")

LIMIT = 5
"""So many different effects that fail in a row open the circuit."""

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=10)

HOLD = timedelta(seconds=5)
"""How long a vendor is left alone that has had enough and does not say for how long."""


def record_success(alias: Alias, admission: Admission | None = None) -> None:
    """Close the circuit, and begin to count failures anew; writes nothing where both are so.

    Called once for each effect that was applied. `admission` is what `admit` said of that effect:
    where it was spotless, not even a statement is sent. A failure that was recorded in between is
    then not forgotten, which opens the circuit a little sooner where many effects are under way
    at once.
    """
    if admission is not None and admission.is_spotless:
        return
    mended = {"failed_keys": [], "failure_reason": "", "openings": 0}
    is_probe = admission is not None and admission.is_probe
    if is_probe and Budget.objects.filter(pk=alias, is_probing=True).update(
        **mended, is_probing=False, open_until=None
    ):
        logger.info("circuit_closed", integration=alias)
    else:
        Budget.objects.filter(pk=alias, open_until=None).exclude(failed_keys=[]).update(**mended)


def record_failure(
    alias: Alias, error: TemporaryFailure, key: str, admission: Admission | None = None
) -> None:
    """Count an effect that failed, and open the circuit where it was one too many.

    Called once for each attempt that failed for now; `key` is the effect's idempotency key, and
    `admission` what `admit` said of it. An effect that has failed since the last success does not
    count again. `RateLimited` does not count: the vendor works, and is left alone for as long as
    it asks.
    """
    if isinstance(error, RateLimited):
        # Where there was no slot the vendor was not asked, and has nothing to be left alone for.
        if not isinstance(error, OutOfSlots):
            hold(alias, error.retry_after or HOLD, str(error))
        if admission is not None:
            return_probe(alias, admission)
        return
    is_probe = admission is not None and admission.is_probe
    with transaction.atomic():
        budget = lock_row(alias)
        if budget.open_until is not None and not (is_probe and budget.is_probing):
            return
        if key not in budget.failed_keys:
            # No more are needed, and a vendor may be down for weeks.
            budget.failed_keys = [*budget.failed_keys, key][-LIMIT:]
        budget.failure_reason = make_storable(str(error))[:500]
        opens = budget.is_probing or budget.failures >= LIMIT or isinstance(error, AccessDenied)
        wait = compute_wait(budget.openings)
        if opens:
            budget.openings += 1
            budget.is_probing = False
            budget.open_until = Now() + wait
        budget.save()
    if opens:
        logger.warning(
            "circuit_opened",
            integration=alias,
            seconds=wait.total_seconds(),
            failures=budget.failures,
            reason=budget.failure_reason,
        )


def compute_wait(openings: int) -> timedelta:
    """Return how long a circuit stays open that has opened `openings` times in a row before."""
    # The exponent has a limit of its own: a vendor may be down for weeks.
    doublings: int = 2 ** min(openings, 10)
    return min(LONGEST_WAIT, FIRST_WAIT * doublings)
