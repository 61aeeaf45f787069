"""What happens second by second, and how long after each incident all was well again."""

import logging
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import psycopg

from tests.faults.journal import Applied, JournalReader
from tests.faults.tries import NOT_CONNECTED, TIMED_OUT, Try, TryReader

Known = TypeVar("Known")

logger = logging.getLogger(__name__)

SECOND = 1.0
STEADY = 3
"""Seconds in a row in which all must be well, before it counts as well again."""
AT_ONCE = 1.0
"""Seconds within which an acknowledgement is one, unless it is usually longer."""
FEW = 30
"""Due rows that are no backlog, whatever is usual: what two workers have in hand."""
CLOSE = 0.001
"""Seconds that are no difference."""

COUNTS = """
SELECT
    (SELECT count(*) FROM webhooks_event WHERE status = 'pending'),
    (SELECT count(*) FROM webhooks_event WHERE status = 'pending' AND due_at <= now()),
    (SELECT count(*) FROM webhooks_effect WHERE state IN ('pending', 'running')),
    (SELECT count(*) FROM webhooks_effect WHERE state IN ('pending', 'running') AND due_at <= now())
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The backlog in Postgres: what is open, and what of it a worker could take up now."""

    pending_events: int
    due_events: int
    open_effects: int
    due_effects: int

    @property
    def due(self) -> int:
        """What waits for nothing but a worker."""
        return self.due_events + self.due_effects

    @property
    def open(self) -> int:
        """All that is not done."""
        return self.pending_events + self.open_effects


@dataclass(frozen=True, slots=True)
class Sample:
    """One second, which ended `at`; counts are those of this second, latencies in seconds.

    `slowest` is what says whether acknowledgements come at once: the longest of those of first
    tries since they were due, and of redeliveries since they began, for when a redelivery comes
    is the sender's choice. `rows` and `hints` are None where nobody could say.
    """

    at: float
    acked: int = 0
    refused: int = 0
    timed_out: int = 0
    not_connected: int = 0
    p50: float | None = None
    p99: float | None = None
    worst: float | None = None
    slowest: float = 0.0
    applied: int = 0
    rows: Rows | None = None
    hints: int | None = None
    is_sending: bool = True

    @property
    def unanswered(self) -> int:
        """Tries that were not acknowledged, for whatever reason."""
        return self.refused + self.timed_out + self.not_connected


def summarize(
    at: float,
    tries: Sequence[Try],
    applied: int,
    rows: Rows | None,
    hints: int | None,
    *,
    is_sending: bool,
) -> Sample:
    """Return the sample of the second in which `tries` ended."""
    latencies = sorted(one.latency for one in tries if one.is_acked)
    count = len(latencies)
    return Sample(
        at=at,
        acked=count,
        refused=sum(not one.is_acked and one.status > TIMED_OUT for one in tries),
        timed_out=sum(one.status == TIMED_OUT for one in tries),
        not_connected=sum(one.status == NOT_CONNECTED for one in tries),
        p50=latencies[count // 2] if count else None,
        p99=latencies[int(count * 0.99)] if count else None,
        worst=latencies[-1] if count else None,
        slowest=max(
            (one.ended - (one.due if one.number == 1 else one.began) for one in tries), default=0.0
        ),
        applied=applied,
        rows=rows,
        hints=hints,
        is_sending=is_sending,
    )


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual as long as nothing is broken: seconds, and rows that are due."""

    at_once: float = AT_ONCE
    due: float = FEW


def find_usual(samples: Sequence[Sample], until: float) -> Usual:
    """Return what the samples before `until`, when the first thing broke, say is usual.

    Acknowledged at once is within a second, or twice of what is common. No backlog is what a few
    workers have in hand, or three times of what is common.
    """
    before = [one for one in samples if one.at <= until]
    if not before:
        return Usual()
    slowest = statistics.median(one.slowest for one in before)
    due = [one.rows.due for one in before if one.rows is not None]
    return Usual(max(AT_ONCE, 2 * slowest), max(FEW, 3 * statistics.median(due or [0])))


def find_recovery(
    samples: Sequence[Sample], usual: Usual, ended: float, until: float = float("inf")
) -> float | None:
    """Return how many seconds after `ended` all was well again; None where it was not by `until`.

    Well is, in each of three seconds in a row, of which the first counts:

    - every try is acknowledged, and at once, as it is usual;
    - as long as the sender sends, there is something acknowledged;
    - the rows that are due, events and effects, are known and no more than usual.
    """

    def is_well(one: Sample) -> bool:
        is_acked = not one.unanswered and one.slowest <= usual.at_once
        is_fed = one.acked > 0 or not one.is_sending
        return is_acked and is_fed and one.rows is not None and one.rows.due <= usual.due

    # A sample says what its whole second was like: the one in which the mend came is no evidence.
    after = [one for one in samples if one.at - SECOND >= ended - CLOSE]
    for index in range(len(after) - STEADY + 1):
        if all(is_well(one) for one in after[index : index + STEADY]):
            well_at = after[index].at - SECOND
            return max(0.0, well_at - ended) if well_at <= until else None
    return None


def take_fresh(known: tuple[float, Known] | None) -> Known | None:
    """Return what was known at a time, unless that was too long ago to be so still."""
    if known is None or time.time() - known[0] >= 2 * SECOND:
        return None
    return known[1]


class Watch:
    """Takes a sample every second, from threads of its own, for as long as the block lasts."""

    def __init__(
        self,
        log: Path,
        journal: Path,
        conninfo: str,
        is_sending: Callable[[], bool],
        add_up_hints: Callable[[], int],
    ) -> None:
        self.samples: list[Sample] = []
        self.acked: set[str] = set()
        """Ids of the events that have been acknowledged."""
        self._tries, self._journal = TryReader(log), JournalReader(journal)
        self._conninfo, self._is_sending, self._add_up_hints = conninfo, is_sending, add_up_hints
        self._rows: tuple[float, Rows] | None = None
        self._hints: tuple[float, int] | None = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._sample, name="watch", daemon=True),
            threading.Thread(target=self._count_rows, name="watch-rows", daemon=True),
            threading.Thread(target=self._count_hints, name="watch-hints", daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._threads[0].join()
        # The others may hang with whom they ask, and are daemons for that reason.
        for thread in self._threads[1:]:
            thread.join(timeout=2 * SECOND)

    @property
    def rows(self) -> Rows | None:
        """The backlog as of now; None where nobody can say."""
        return take_fresh(self._rows)

    def _sample(self) -> None:
        due = time.time() + SECOND
        while not self._ended.wait(max(0.0, due - time.time())):
            tries = list(self._tries.read())
            self.acked.update(one.event_id for one in tries if one.is_acked)
            applied = sum(isinstance(entry, Applied) for entry in self._journal.read())
            rows, hints = self.rows, take_fresh(self._hints)
            self.samples.append(
                summarize(time.time(), tries, applied, rows, hints, is_sending=self._is_sending())
            )
            due = max(due + SECOND, time.time())

    def _count_rows(self) -> None:
        """Ask Postgres, again and again: this may hang with it, and the samples must not."""
        while not self._ended.is_set():
            try:
                with psycopg.connect(
                    self._conninfo, autocommit=True, connect_timeout=2
                ) as connection:
                    connection.execute("SET statement_timeout = '2s'")
                    while not self._ended.wait(SECOND / 2):
                        row = connection.execute(COUNTS).fetchone()
                        assert row is not None
                        self._rows = time.time(), Rows(*row)
            except psycopg.Error:
                self._ended.wait(SECOND / 2)

    def _count_hints(self) -> None:
        """Ask the broker, likewise."""
        while not self._ended.wait(SECOND):
            try:
                self._hints = time.time(), self._add_up_hints()
            except Exception as error:  # noqa: BLE001 -- brokers' clients raise what they like
                logger.debug("the broker does not say what waits: %s", type(error).__name__)
