"""See runs through, batch by batch.

    waiting -> running -> finished
                       -> stopped (somebody said so)
                       -> failed (a fault of ours)
                       -> running (the lease ended: its worker is gone, another claims it)

Each batch's work, what it came to and how far the run has come are committed together, so a run may
be cut off anywhere: it goes on from there, with nothing done or counted twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, transaction

from webhooks.models import Replay
from webhooks.operations.actions import read_undertaking
from webhooks.operations.claims import (
    LostLeaseError,
    RunClaim,
    claim_run,
    conclude,
    give_back,
    hold,
    record_batch,
    record_count,
)
from webhooks.operations.selection import SelectionError
from webhooks.operations.trouble import is_given_up, note_trouble
from webhooks.operations.undertaking import Done, Undertaking
from webhooks.operations.walking import Walk
from webhooks.postgres.patience import ask_within, insist
from webhooks.processing.due_runs import count_due_runs
from webhooks.processing.hints import RUNS_AT_ONCE, Work, hand_on, send_hints
from webhooks.processing.outages import is_outage
from webhooks.processing.stopping import is_ending

logger = structlog.stdlib.get_logger(__name__)

State = Replay.State

COUNTING = 15.0
"""Seconds in which a run's rows are counted that were too many for whoever asked; half the lease
of a claim."""

Progress = Callable[[Replay], object]
"""Is told after each batch how the run stands."""


def work_off_runs() -> None:
    """Go on with the runs that are due, one after another; called by the Celery task.

    Ends when none is due, or after `WEBHOOKS_WORK_SPAN` or when the worker is to end, with the
    batch that is under way by then. In these last cases it leaves as many hints as are of use.
    """
    ends_at = time.monotonic() + settings.WEBHOOKS_WORK_SPAN.total_seconds()
    try:
        while claim := ask_within(settings.WEBHOOKS_CLAIM_TIMEOUT, claim_run):
            go_on(claim, ends_at)
            if time.monotonic() >= ends_at or is_ending():
                hand_on({"replays": count_due_runs(most=RUNS_AT_ONCE)})
                break
    except Error as error:
        if not is_outage(error):
            raise
        # Nothing is lost by that: the run's lease ends, and the sweep finds it.
        logger.warning("work_interrupted", error_class=type(error).__name__)


def go_on(claim: RunClaim, ends_at: float, progress: Progress | None = None) -> None:
    """Go on with the run until it has ended, or until `ends_at`, a `time.monotonic()`.

    It gets one batch further in any case, a smaller one after tries that did not. Counting its rows
    takes nothing of that time. Raises `django.db.Error` in an outage, and `SoftTimeLimitExceeded`;
    it is claimed again some time after.
    """
    run = Replay.objects.get(pk=claim.run_pk)
    hints, tries = Hints(), run.tries
    try:
        if is_given_up(claim, run):
            return
        undertaking = read_undertaking(run)
        began = time.monotonic()
        count_once(claim, run, undertaking)
        ends_at += time.monotonic() - began
        weight, halvings = undertaking.weight, tries - 1
        walk = Walk(undertaking.find, run.position, run.last_key, weight, halvings=halvings)
        while work_a_batch(claim, run, undertaking, walk, hints):
            tries = 1
            if progress:
                run.refresh_from_db()
                progress(run)
            if time.monotonic() >= ends_at or is_ending():
                give_back(claim)
                break
    except LostLeaseError:
        logger.warning("run_lost", run=claim.run_pk)
    except KeyboardInterrupt:
        give_back(claim)
        raise
    except SoftTimeLimitExceeded as error:
        # A batch has taken very long: that may be the machine's fault, and the next may not.
        note_trouble(claim, tries, error)
        raise
    except Exception as error:
        if is_outage(error):
            note_trouble(claim, tries, error)
            raise
        logger.exception("run_failed", run=claim.run_pk)
        fail(claim, error)
    finally:
        hints.send()


def count_once(claim: RunClaim, run: Replay, undertaking: Undertaking) -> None:
    """Count the rows that were too many for whoever asked, when the run is claimed first.

    Where they are too many for this, too, they stay uncounted. Raises `LostLeaseError`.
    """
    if run.found or run.position or run.tries > 1:
        return
    whole = Walk(undertaking.find, 0, run.last_key)
    record_count(claim, whole.count(time.monotonic() + COUNTING) or 0)


def work_a_batch(
    claim: RunClaim, run: Replay, undertaking: Undertaking, walk: Walk, hints: "Hints"
) -> bool:
    """Do the next batch, and tell whether the run goes on. Raises `LostLeaseError`."""
    with transaction.atomic():
        if hold(claim):
            conclude(claim, State.STOPPED)
            logger.info("run_stopped", run=claim.run_pk)
            return False
        if walk.is_over:
            conclude(claim, State.FINISHED)
            logger.info("run_finished", run=claim.run_pk)
            return False
        step = walk.take(undertaking.size)
        done = undertaking.handle(run, step.keys) if step.keys else Done()
        record_batch(claim, done, looked_at=len(step.keys), position=step.position)
    hints.add(done.due)
    return True


def fail(claim: RunClaim, error: Exception) -> None:
    """Say of the run that it has ended by a fault of ours.

    Others' errors may quote the rows, so of these only the class is kept.
    """
    name = type(error).__name__
    words = f"{name}: {error}" if isinstance(error, SelectionError) else name
    ends_at = time.monotonic() + settings.WEBHOOKS_RESULT_PATIENCE.total_seconds()
    try:
        insist(partial(conclude, claim, State.FAILED, words), ends_at)
    except LostLeaseError:
        logger.warning("run_lost", run=claim.run_pk)


class Hints:
    """Tells workers of what becomes due, now and then, until the broker fails once.

    Each further try would cost its time-out; the sweep finds what is due in any case.
    """

    PAUSE = 1.0
    """Seconds between two publications: who works already goes on with what is added."""

    def __init__(self) -> None:
        self._due: Counter[Work] = Counter()
        self._sent_at: float | None = None
        self._is_broken = False

    def add(self, due: Mapping[Work, int]) -> None:
        """Have so many rows of each kind told of, now or a little later."""
        self._due.update(due)
        if self._sent_at is None or time.monotonic() - self._sent_at >= self.PAUSE:
            self.send()

    def send(self) -> None:
        """Tell of what has gathered; called at the end, too."""
        if not self._due or self._is_broken:
            return
        try:
            send_hints(self._due)
        except Exception as error:  # noqa: BLE001 -- brokers' clients raise what they like
            self._is_broken = True
            logger.warning("hint_not_published", error_class=type(error).__name__)
        self._due = Counter()
        self._sent_at = time.monotonic()
