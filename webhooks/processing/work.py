"""Work for an integration: claim the best due effect, run it, and go on with the next."""

import time

from django.conf import settings

from integrations.base import Alias
from webhooks.processing.claims import Claim, Refusal, claim_best, find_due
from webhooks.processing.effects import run_effect
from webhooks.processing.hints import hand_on


def work_off(alias: Alias) -> None:
    """Run the integration's due effects, the best first; called by the Celery tasks.

    Ends when none is due, when the budget admits none for longer than is left, or after
    `WEBHOOKS_WORK_SPAN` with the effect that is under way by then. In that last case it leaves a
    hint, so that as many workers go on as there were.
    """
    ends_at = time.monotonic() + settings.WEBHOOKS_WORK_SPAN.total_seconds()
    while time.monotonic() < ends_at:
        found = claim_best(alias)
        if isinstance(found, Claim):
            run_effect(found)
        elif found is None or not outwait(found, ends_at):
            return
    if find_due(alias).exists():
        hand_on({alias: 1})


def outwait(refusal: Refusal, ends_at: float) -> bool:
    """Sleep until it is worth asking again; return at once, and False, where that is too late."""
    if refusal.wait is None:
        return False
    seconds = refusal.wait.total_seconds()
    if time.monotonic() + seconds >= ends_at:
        return False
    time.sleep(seconds)
    return True
