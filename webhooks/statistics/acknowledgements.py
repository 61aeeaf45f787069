"""Measure how long a receiver's answers took, without a word to Postgres on their time.

Each process keeps counts, and a thread of its own adds them to `AcknowledgementCount` every few
seconds. What cannot be added now is kept, and added later with the age that it has by then. What a
process has measured is lost with it only where it is killed, or where Postgres is away when it
ends; the latter is logged.
"""

import os
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from webhooks.models import AcknowledgementCount
from webhooks.postgres.patience import ask_within
from webhooks.statistics.latency import find_step
from webhooks.statistics.spans import begin_span

logger = structlog.stdlib.get_logger(__name__)

Answer = AcknowledgementCount.Answer

SLOT = 5.0
"""Seconds that are counted together. Their age tells when that was, so no machine's clock does."""

MOST_SLOTS = 1000
"""Of which so many are kept while Postgres is away; beyond that the oldest are thrown together."""

ADD = f"""
INSERT INTO webhooks_acknowledgementcount AS known (since, answer, at_most_ms, count)
SELECT
    {begin_span("statement_timestamp() - make_interval(secs => age)")}, answer, at_most_ms,
    sum(count)
FROM unnest(
    %(ages)s::float8[], %(answers)s::text[], %(steps)s::int[], %(counts)s::bigint[]
) AS measured (age, answer, at_most_ms, count)
-- All processes in the same order, so that no two wait for each other.
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (since, answer, at_most_ms) DO UPDATE SET count = known.count + EXCLUDED.count
"""  # noqa: S608 -- no value is in it

Counts = Counter[tuple[Answer, int]]


class Acknowledgements:
    """What this process has measured and not yet added; used by all its threads."""

    def __init__(self, interval: float = 5.0) -> None:
        self._slots: dict[int, Counts] = {}
        self._interval = interval
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def note(self, status: int, seconds: float) -> None:
        """Count an answer of that HTTP status; never blocks, and never raises.

        What is turned away for its own faults is not counted: anybody could make the receiver
        look quick.
        """
        answer = {200: Answer.TAKEN, 202: Answer.TAKEN, 503: Answer.PUT_OFF}.get(status)
        if answer is None:
            return
        slot = int(time.monotonic() / SLOT)
        with self._wake:
            counts = self._slots.get(slot)
            if counts is None:
                counts = self._slots[slot] = Counter()
                self._throw_together()
                # Only for the first of a slot: waking it for each would cost more than the rest.
                self._wake.notify()
                if self._thread is None:
                    # Not earlier: gunicorn forks its workers, and threads do not survive a fork.
                    self._thread = threading.Thread(
                        target=self._run, name="acknowledgements", daemon=True
                    )
                    self._thread.start()
            counts[answer, find_step(seconds * 1000)] += 1

    def close(self, timeout: float) -> None:
        """Add what there is, for at most `timeout` seconds, and end the thread."""
        with self._wake:
            self._closing.set()
            thread = self._thread
            self._wake.notify()
        if thread is None:
            return
        thread.join(timeout)
        if lost := self._count():
            logger.error("acknowledgements_not_counted", lost=lost)

    def add(self) -> bool:
        """Add what was measured to the counts, and tell whether Postgres took it."""
        with self._wake:
            slots, self._slots = self._slots, {}
        try:
            if slots:
                limit: timedelta = settings.WEBHOOKS_RECORD_TIMEOUT
                ask_within(limit, lambda: write(slots))
        except Exception as error:  # noqa: BLE001 -- whatever it is, nothing is lost and the thread goes on
            with self._wake:
                for slot, counts in self._slots.items():
                    slots.setdefault(slot, Counter()).update(counts)
                self._slots = dict(sorted(slots.items()))
                self._throw_together()
            logger.warning("acknowledgements_kept", error_class=type(error).__name__)
            return False
        finally:
            # Every few seconds a moment's work is not worth a connection of its own.
            connection.close()
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._slots and not self._closing.is_set():
                    self._wake.wait()
            self._closing.wait(self._interval)
            is_last = self._closing.is_set()
            if not self.add() and not is_last:
                self._closing.wait(self._interval)
            if is_last:
                return

    def _throw_together(self) -> None:
        while len(self._slots) > MOST_SLOTS:
            oldest, second = list(self._slots)[:2]
            self._slots[second].update(self._slots.pop(oldest))

    def _count(self) -> int:
        with self._wake:
            return sum(counts.total() for counts in self._slots.values())


def write(slots: dict[int, Counts]) -> None:
    """Add the counts to those of other processes, in one statement."""
    now = time.monotonic()
    rows = [
        (max(0.0, now - (slot + 0.5) * SLOT), answer.value, step, count)
        for slot, counts in slots.items()
        for (answer, step), count in counts.items()
    ]
    values: dict[str, Any] = {
        "ages": [age for age, *_ in rows],
        "answers": [answer for _, answer, _, _ in rows],
        "steps": [step for _, _, step, _ in rows],
        "counts": [count for *_, count in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(ADD, values)


acknowledgements = Acknowledgements()


def reset_acknowledgements() -> None:
    """Begin anew in a forked process, where the parent's thread and counts are not ours."""
    global acknowledgements  # noqa: PLW0603 -- one for each process is what this is about
    acknowledgements = Acknowledgements()


os.register_at_fork(after_in_child=reset_acknowledgements)


def note_answer(status: int, seconds: float) -> None:
    """Count one answer of this process's, which took so long; called for each delivery."""
    acknowledgements.note(status, seconds)
