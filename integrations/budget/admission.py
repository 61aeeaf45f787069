"""Whether an effect may begin."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.rows import read_row
from integrations.models import Budget

LOOK_AHEAD = timedelta(seconds=2)
"""How far away the next slot may be for another effect to begin.

An effect that begins early would hold its lease while it waits, and keep its place before a more
urgent one that comes meanwhile.
"""

GRACE = timedelta(seconds=15)
"""How long after a task's time limit a probe may still tell what came of it."""

ASK_AGAIN = timedelta(seconds=5)
"""How long others wait for a probe, which mostly knows sooner than it has to."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an effect may begin now.

    `wait` is how long until it is worth asking again where it may not, and None where only a
    person knows; `reason` says in a sentence why it may not. `is_probe` is told to the one effect
    that finds out whether a vendor works again. `failures` is how many effects failed in a row.
    """

    is_open: bool
    wait: timedelta | None = None
    reason: str = ""
    is_probe: bool = False
    failures: int = 0

    @property
    def is_spotless(self) -> bool:
        """Whether a success would change nothing, as far as was known when this was asked."""
        return self.is_open and not self.failures


def admit(alias: Alias) -> Admission:
    """Return whether an effect may begin now; one SELECT where nothing stands in the way.

    Called by a worker before it claims an effect, in the claim's own transaction or before it.
    Whoever gets in as the probe has to tell what came of it, by `record_success`,
    `record_failure` or `return_probe`; until then nobody else gets in. The transaction that asked
    must commit before the effect is applied; where it is rolled back, nobody has been a probe.
    """
    found = read_row(alias)
    if found is None:
        return Admission(is_open=True)
    budget, now = found
    refusal = find_refusal(budget, now)
    if refusal is not None:
        return refusal
    is_probe = budget.open_until is not None
    if is_probe and not _become_probe(alias):
        return Admission(is_open=False, wait=ASK_AGAIN, reason="Another has just begun to try it.")
    return Admission(is_open=True, is_probe=is_probe, failures=budget.failures)


def find_refusal(budget: Budget, now: datetime) -> Admission | None:
    """Return why no effect may begin at `now`, a time of the database's; None where one may."""
    state = budget.read_state(now)
    if state is Budget.State.PAUSED:
        return _refuse(None, f"Paused by {budget.paused_by}: {budget.paused_reason}")
    if state is Budget.State.HELD:
        return _refuse(_until(budget.held_until, now), f"Held: {budget.held_reason}")
    if state is Budget.State.BROKEN:
        wait = _until(budget.open_until, now)
        return _refuse(wait, f"Its circuit is open: {budget.failure_reason}")
    if state is Budget.State.PROBING:
        wait = min(ASK_AGAIN, _until(budget.open_until, now))
        return _refuse(wait, f"One effect tries whether it works again: {budget.failure_reason}")
    wait = _until(budget.next_slot_at, now) - LOOK_AHEAD
    if wait > timedelta():
        return _refuse(wait, "Its rate leaves no room before then.")
    return None


def _refuse(wait: timedelta | None, reason: str) -> Admission:
    return Admission(is_open=False, wait=wait, reason=reason)


def _until(moment: datetime | None, now: datetime) -> timedelta:
    return timedelta() if moment is None else moment - now


def _become_probe(alias: Alias) -> bool:
    """Tell whether the caller is the probe; of many that ask at once exactly one is.

    The circuit stays open for the time that a probe may take, so that one that dies with its
    worker is replaced by another.
    """
    # After the hard limit the process that ran it is not there any more.
    probe_time = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT) + GRACE
    # Of two UPDATEs at once the second waits for the first and then finds nothing to change.
    return bool(
        Budget.objects.filter(pk=alias, open_until__lte=Now()).update(
            is_probing=True, open_until=Now() + probe_time
        )
    )


def return_probe(alias: Alias, admission: Admission) -> None:
    """Let the next effect be the probe; called where this one has not learned anything.

    So ends an effect that was refused for good, or for which there was nothing to claim. Does
    nothing where `admission` was not a probe's.
    """
    if admission.is_probe:
        probing = Budget.objects.filter(pk=alias, is_probing=True)
        probing.update(is_probing=False, open_until=Now())
