"""What Celery's workers do, in the test's own process and without a broker."""

from collections.abc import Iterable
from typing import cast

from integrations.base import Alias
from integrations.kinds import REQUESTS
from webhooks.models import Effect, Event
from webhooks.processing.claims import Claim, claim_best
from webhooks.processing.effects import run_effect
from webhooks.processing.events import process_event


def process_all(events: Iterable[Event]) -> None:
    """Have the events processed, each with what it owes and what is due beside that."""
    for event in events:
        process_event(event.pk)
        run_due()


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
