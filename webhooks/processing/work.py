"""Work for an integration: claim the best due effect, run it, and go on with the next."""

import time
from collections import deque
from functools import partial

from django.conf import settings

from integrations.base import Alias
from webhooks.postgres.patience import ask_within
from webhooks.processing.candidates import Turn, count_candidates
from webhooks.processing.claims import Claim, Refusal, claim_best
from webhooks.processing.concurrency import read_fan_out
from webhooks.processing.effects import run_effect
from webhooks.processing.hints import hand_on
from webhooks.processing.outages import ending_at_outages
from webhooks.processing.stopping import is_ending, sleep

TURNS = (Turn.BEST, Turn.NEWEST, Turn.BEST, Turn.RETRY)
"""Whose turn it is at a process's claims, over and over.

Every fourth for those that have failed, however much live work there is: one error of its vendor's
must not have an effect wait until there is none.
"""

_turns = deque(TURNS)
"""The first is the next."""


def work_off(alias: Alias) -> None:
    """Run the integration's due effects, the best first; called by the Celery tasks.

    Ends when none is due, when the budget admits none for longer than is left, or after
    `WEBHOOKS_WORK_SPAN` or when the worker is to end, with the effect that is under way by then. In
    these last cases it leaves as many hints as are of use, so that as many workers go on as there
    were, and more where there are.
    """
    with ending_at_outages(alias):
        work_until(alias, time.monotonic() + settings.WEBHOOKS_WORK_SPAN.total_seconds())


def work_until(alias: Alias, ends_at: float) -> None:
    """Do so until `ends_at`, a `time.monotonic()`; raises `django.db.Error` in an outage."""
    while time.monotonic() < ends_at and not is_ending():
        look = partial(claim_best, alias, _turns[0])
        found = ask_within(settings.WEBHOOKS_CLAIM_TIMEOUT, look)
        if isinstance(found, Claim):
            # Not where it was refused: with one refusal to each claim some would never be next.
            _turns.rotate(-1)
            run_effect(found)
        elif found is None or not outwait(found, ends_at):
            return
    hand_on({alias: count_candidates(alias, most=read_fan_out(alias))})


def outwait(refusal: Refusal, ends_at: float) -> bool:
    """Sleep until it is worth asking again; return at once, and False, where that is too late."""
    if refusal.wait is None:
        return False
    seconds = refusal.wait.total_seconds()
    if time.monotonic() + seconds >= ends_at:
        return False
    sleep(seconds)
    return True
