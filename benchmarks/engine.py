"""The whole product on a database of its own: a backlog gathers, is worked off, and is read back.

Receiver, workers and beat are processes as the Procfile starts them, with two children in each
worker; the effects go to the ledger, hence into the same Postgres. What is reported is read from
the rows afterwards, so that measuring costs nothing while it runs.
"""

import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Max, Q
from rich.progress import Progress

from benchmarks.load import run, sign_request
from benchmarks.product import WORKERS, console
from tests.processes import start_beat, start_process, start_receiver
from webhooks.models import Effect, Event, Source
from webhooks.operations.conversations import build_conversation, draw_shape

SECRET = "only-for-benchmarks"  # noqa: S105 -- of a database that is deleted at the end
PATH = "/webhooks/bench/"
PACE = 5.0
"""Seconds from one fresh event to the next."""
ENOUGH = 0.8
"""The share of the fresh events that have to be there: a delivery takes its time, too."""
AT_ONCE = 3000
"""Events that are built, signed and sent together: the signatures of more would grow too old."""


@dataclass(frozen=True, slots=True)
class Course:
    """When an event came and what became of it, in seconds of the database's clock."""

    received: float
    processed: float
    done: float
    """When the last of its effects had succeeded; when it was processed if it owed none."""


@dataclass(slots=True)
class Engine:
    """The product's processes on the database at `database_url`."""

    database_url: str
    stack: ExitStack
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 -- repeatable
    port: int = 0

    def __post_init__(self) -> None:
        """Start the receiver."""
        Source.objects.create(slug="bench", name="Benchmark").add_secret(SECRET)
        receiver = start_receiver(self.database_url, WEB_CONCURRENCY="2", LOG_LEVEL="WARNING")
        self.port = self.stack.enter_context(receiver).port

    def tell(self, count: int) -> list[bytes]:
        """Return the bodies of `count` events of conversations as a busy day brings them."""
        bodies: list[bytes] = []
        while len(bodies) < count:
            told = build_conversation(datetime.now(UTC), draw_shape(self.chance), self.chance)
            bodies += [event.body for event in told.events]
        return bodies[:count]

    def deliver(self, bodies: Sequence[bytes]) -> None:
        """Have the receiver record the events; raises SystemExit where it does not."""
        requests = [sign_request(PATH, SECRET, body) for body in bodies]
        if refused := run(self.port, requests, min(16, len(requests)))["refused"]:
            sys.exit(f"{refused:.0f} of {len(requests)} events were not accepted.")

    def gather(self, bodies: Sequence[bytes]) -> None:
        """Have a backlog of events recorded."""
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("recording", total=len(bodies))
            for start in range(0, len(bodies), AT_ONCE):
                chosen = bodies[start : start + AT_ONCE]
                self.deliver(chosen)
                progress.advance(bar, len(chosen))

    @contextmanager
    def working(self, **environment: str) -> Iterator[None]:
        """Run the workers, with `environment` beside what is usual, and beat for the block."""
        variables = {"WORKER_CONCURRENCY": "2", "LOG_LEVEL": "WARNING"} | environment
        with ExitStack() as stack:
            for name in WORKERS:
                stack.enter_context(start_process(name, self.database_url, variables))
            stack.enter_context(start_beat(self.database_url, LOG_LEVEL="WARNING"))
            yield

    def work_off(self, count: int) -> list["Course"]:
        """Have `count` events recorded, then worked off; return their courses."""
        newest = find_newest()
        self.gather(self.tell(count))
        with self.working():
            wait_until_done(longest=60 + count / 20)
        return read_courses(Q(pk__gt=newest))

    def work_off_beside_fresh(self, count: int) -> tuple[list["Course"], list["Course"]]:
        """Do the same while fresh events come; return their courses as well.

        Ends the program where too few of those came to say anything.
        """
        oldest = find_newest()
        self.gather(self.tell(count))
        newest = find_newest()
        over = threading.Event()
        backlog = Event.objects.filter(pk__gt=oldest, pk__lte=newest)

        def send_fresh() -> float:
            """Send until it is over; return for how many seconds."""
            while not over.is_set() and not backlog.exclude(status="pending").exists():
                over.wait(0.2)  # until the workers have started
            began = time.monotonic()
            while not over.wait(PACE):
                self.deliver(self.tell(2)[1:])
            return time.monotonic() - began

        with self.working(), ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send_fresh)
            try:
                wait_until_done(longest=60 + count / 20)
            finally:
                over.set()
            seconds = sending.result()  # or what it broke down with
            wait_until_done(longest=60)  # for what came at the last moment
        fresh = read_courses(Q(pk__gt=newest))
        if len(fresh) < (expected := int(seconds / PACE * ENOUGH)):
            sys.exit(f"{len(fresh)} fresh events came in {seconds:.0f} s, and not {expected}.")
        return read_courses(Q(pk__gt=oldest, pk__lte=newest)), fresh


def find_newest() -> int:
    """Return the key of the newest event, 0 where there is none."""
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def wait_until_done(longest: float, chosen: Q | None = None) -> None:
    """Return when the chosen events, or all, are processed and nothing at all is left to do.

    Ends the program after `longest` seconds.
    """
    deadline = time.monotonic() + longest
    events = Event.objects.filter(chosen or Q(), status="pending")
    effects = Effect.objects.filter(state__in=["pending", "running"])
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("working", total=None)
        while left := (events.count(), effects.count()):
            if left == (0, 0):
                return
            if time.monotonic() > deadline:
                sys.exit(f"{left[0]} events and {left[1]} effects are left after {longest:.0f} s.")
            progress.update(bar, description=f"left: {left[0]} events, {left[1]} effects")
            time.sleep(1)


def read_courses(chosen: Q) -> list[Course]:
    """Return the courses of the chosen events that are processed."""
    rows = (
        Event.objects.filter(chosen, status="processed")
        .annotate(done=Max("effects__finished_at", filter=Q(effects__state="succeeded")))
        .values_list("received_at", "processed_at", "done")
    )
    return [
        Course(received.timestamp(), processed.timestamp(), (done or processed).timestamp())
        for received, processed, done in rows.iterator()
        if processed is not None
    ]


def read_rates(times: Sequence[float], slices: int = 10) -> list[float]:
    """Return how many a second there were in each slice; a slice holds as many as the others."""
    ordered = sorted(times)
    edges = [round(number * (len(ordered) - 1) / slices) for number in range(slices + 1)]
    return [
        (last - first) / max(ordered[last] - ordered[first], 1e-6)
        for first, last in pairwise(edges)
    ]


def describe_courses(courses: Sequence[Course]) -> dict[str, Any]:
    """Return the rates at which events were processed and done, overall and by tenths.

    `middle_per_second` is the rate at which the middle nine tenths were done: neither the workers'
    start nor a few stragglers count.
    """
    processed, done = [c.processed for c in courses], sorted(c.done for c in courses)
    tail = len(done) // 20
    return {
        "events": len(courses),
        "seconds": done[-1] - min(processed),
        "middle_per_second": read_rates(done[tail : len(done) - tail], 1)[0],
        "done_per_second": read_rates(done, 1)[0],
        "processed_per_second": read_rates(processed, 1)[0],
        "done_by_tenths": [round(rate) for rate in read_rates(done)],
        "processed_by_tenths": [round(rate) for rate in read_rates(processed)],
    }


def forget_all() -> None:
    """Remove all that was received, and all that came of it."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE webhooks_event, webhooks_conversation CASCADE")
