"""Runs that do not get on: tried again later and in smaller batches, and given up in the end.

A batch may end in a statement's time-out or a task's, or with the worker that is at it, and the
next try in the same. A claim counts as a try (`Replay.tries`) until a batch is done.
"""

from datetime import timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db import Error

from webhooks.models import Replay
from webhooks.operations.claims import LostLeaseError, RunClaim, conclude, put_off, update_ours
from webhooks.postgres.patience import ask_within

logger = structlog.stdlib.get_logger(__name__)

MOST_TRIES = 10
LONGEST_PAUSE = timedelta(minutes=15)
"""Between two tries; ten of them outlast an hour of a Postgres that is there and does not work."""

GONE = "its worker came to an end"


def is_given_up(claim: RunClaim, run: Replay) -> bool:
    """End the run if it has been tried too often; called with what the claim has counted.

    What the try before has not said itself is said here. Raises `LostLeaseError`.
    """
    before = run.tries - 1
    if before < 1:
        return False
    # Who was killed has said nothing of it.
    said = run.error if run.error.startswith(say_tries(before, "")) else say_tries(before, GONE)
    if before >= MOST_TRIES:
        logger.error("run_failed", run=run.pk, tries=before)
        conclude(claim, Replay.State.FAILED, said)
        return True
    update_ours(claim, error=said)
    return False


def note_trouble(claim: RunClaim, tries: int, error: BaseException) -> None:
    """Have the run, whose try failed with `error`, wait for its next one, or end it.

    Says on the run how often it was tried, and the error's class: its words may quote rows. Where
    Postgres is away nothing is noted, and the lease ends by itself.
    """
    # Django's class says less than the driver's.
    name = type((isinstance(error, Error) and error.__cause__) or error).__name__
    words = say_tries(tries, name)
    pause = min(LONGEST_PAUSE, settings.WEBHOOKS_EVENT_LEASE * 2 ** (tries - 1))
    logger.warning("run_does_not_get_on", run=claim.run_pk, tries=tries, error_class=name)
    if tries >= MOST_TRIES:
        note = partial(conclude, claim, Replay.State.FAILED, words)
    else:
        note = partial(put_off, claim, pause, tries=tries, error=words)
    try:
        ask_within(settings.WEBHOOKS_CLAIM_TIMEOUT, note)
    except LostLeaseError:
        logger.warning("run_lost", run=claim.run_pk)
    except Error as failure:
        logger.warning("run_trouble_not_noted", error_class=type(failure).__name__)


def say_tries(tries: int, last: str) -> str:
    """Return what is said of so many tries, which ends with why the last one failed."""
    times = "once" if tries == 1 else f"{tries} times"
    return f"Tried {times} without getting on, last: {last}"
