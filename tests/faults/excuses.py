"""What a fault brings about with any product, told apart from what only a bug does."""

from collections.abc import Iterator, Sequence

from tests.faults.books import Books, StoredEffect
from tests.faults.breaking.product import HEAD_START, worker_frozen
from tests.faults.fault import CLOCK, POISON, POSTGRES, WORKER1, WORKER2
from tests.faults.finding import Finding
from tests.faults.journal import Violated
from tests.faults.plan import POISON_SECONDS
from tests.faults.schedule import Incident
from tests.faults.world import HARD_LIMIT, LEASE

THAWING = HEAD_START + 0.5
"""Seconds by which a worker's processes go on before its incident is over."""
LOSERS = frozenset({WORKER1, WORKER2, POSTGRES, CLOCK, POISON})
"""With these, a worker may die in its work, or be unable to record what came of it."""


def find_lost_attempts(books: Books, incidents: Sequence[Incident]) -> Iterator[Finding]:
    """Find attempts that were lost with their worker where nothing had become of a worker."""
    for effect in books.effects:
        for began in effect.lost_at:
            if not any(explains_loss(incident, began) for incident in incidents):
                yield Finding(
                    "unsound", f"effect {effect.key} has lost an attempt, and no fault explains it"
                )


def explains_loss(incident: Incident, began: float) -> bool:
    """Tell whether an attempt that began then may have been lost by the incident.

    Poison goes on killing workers until its attempts are used up.
    """
    after = POISON_SECONDS if POISON in incident.fault.breaks else LEASE
    is_near = incident.began - LEASE <= began <= incident.ended + after
    return is_near and bool(incident.fault.breaks & LOSERS)


def is_thawed_worker(overlap: Violated, books: Books, incidents: Sequence[Incident]) -> bool:
    """Tell whether the overlap is that of a worker that was frozen for longer than its lease.

    What it then still sends overlaps with whoever took over, and only the downstream's own
    knowledge of the key helps. It does so soon after it was thawed or not at all, for its time is
    over, and only of effects that it had when it was frozen.
    """
    return any(
        incident.ended - THAWING <= overlap.at <= incident.ended + HARD_LIMIT
        and any(
            is_same(overlap, effect) and was_held(effect, WORKER1, incident)
            for effect in books.effects
        )
        for incident in incidents
        if incident.fault is worker_frozen
    )


def is_same(overlap: Violated, effect: StoredEffect) -> bool:
    """Tell whether the overlap may be one of this effect's requests with another.

    In the CRM it may be with another update of its conversation.
    """
    integration, conversation, _ = overlap.identity
    if integration == "crm":
        return (effect.integration, effect.conversation) == (integration, conversation)
    return effect.key == overlap.key


def was_held(effect: StoredEffect, worker: str, incident: Incident) -> bool:
    """Tell whether a process of the worker had begun with the effect before it was frozen."""
    frozen_at = incident.ended - LEASE
    return any(
        name.rpartition("-")[0] == worker and incident.began - LEASE <= began <= frozen_at
        for name, began in zip(effect.workers, effect.starts, strict=True)
    )
