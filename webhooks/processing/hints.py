"""Tell workers that there is work for them.

A hint names a kind of work and no row (events, an integration, or what people have asked for):
whoever takes it claims what is best, and then the next, so one hint stands for any number of rows,
and any hint for any row.

A hint that waits in its queue is taken after whatever is due now was committed, so it stands for
that, too. Whoever sends hints asks how many wait and adds what is missing: no more wait than are of
use, whether anybody takes them or not, and none has a time after which it is worth nothing.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

import structlog
from celery import current_app
from kombu import Connection

from integrations.base import Alias
from webhooks.models import Effect
from webhooks.processing.batches import BATCH
from webhooks.processing.concurrency import FAN_OUT, read_fan_out

logger = structlog.stdlib.get_logger(__name__)

Work = Literal["events", "sweep", "replays"] | Alias
"""A kind of work, by the name of its queue."""

TASKS: Mapping[Work, str] = {
    "sweep": "webhooks.processing.tasks.sweep",
    "events": "webhooks.processing.tasks.process_events",
    "replays": "webhooks.operations.tasks.carry_out_runs",
    "crm": "webhooks.processing.tasks.update_crm",
    "tickets": "webhooks.processing.tasks.create_ticket",
    "usage": "webhooks.processing.tasks.record_usage",
    "tasks": "webhooks.processing.tasks.create_follow_up",
}

RUNS_AT_ONCE = 2
"""Workers that are called at once to what people have asked for: a short run need not wait for a
long one, and none may take Postgres from what comes in."""

GATHER = 0.1
"""Seconds between two publications: the first after a quiet time goes out at once, and under load
a message costs a fraction of what one for each row would."""


def send_hints(due: Mapping[Work, int], broker: Connection | None = None) -> int:
    """Publish the hints at so many due rows of each kind that are missing; return how many.

    The rows are committed. Hints that wait already are asked for and published over `broker`, or
    one of the process's own connections. Raises what the broker's client does.
    """
    useful = {work: count_useful(work, rows) for work, rows in due.items() if rows}
    if not useful:
        return 0
    sent = 0
    with current_app.connection_or_acquire(broker) as connection:
        for work, hints in useful.items():
            for _ in range(hints - count_waiting(work, connection)):
                current_app.send_task(TASKS[work], queue=work, connection=connection, retry=False)
                sent += 1
    return sent


def count_useful(work: Work, rows: int) -> int:
    """Return how many hints at so many due rows are of use: as many as could be heeded at once."""
    if work == "sweep":
        return min(rows, 1)
    if work == "replays":
        return min(rows, RUNS_AT_ONCE)
    if work == "events":
        return min(math.ceil(rows / BATCH), FAN_OUT)
    return min(rows, read_fan_out(work))


def count_waiting(work: Work, broker: Connection) -> int:
    """Return how many hints wait in the queue for a worker, without those that one has fetched.

    These may be held by a worker that is dead, or that is busy while others are not. Raises what
    the broker's client does.
    """
    # Declaring is asking, where the queue is there; not all transports have another way.
    queue: Any = current_app.amqp.queues[work].bind(broker.default_channel).queue_declare()
    return int(queue.message_count)


def hand_on(due: Mapping[Work, int]) -> None:
    """Have so many rows of each kind worked on soon; called by the tasks and beat.

    A broker that fails is no failure of theirs: the sweep finds what is due, and beat's next one.
    """
    try:
        send_hints(due)
    except Exception as error:  # noqa: BLE001 -- brokers' clients raise what they like
        logger.warning(
            "hint_not_published", rows=sum(due.values()), error_class=type(error).__name__
        )


class Gathered:
    """The effects that a task plans, handed on as it goes.

    The first ones at once, and then those of `GATHER` seconds together, with one hint where none
    waits: whoever works goes on by themselves, and another is called as long as there is one idle.
    """

    def __init__(self) -> None:
        self._due: Counter[Work] = Counter()
        self._handed_on_at: float | None = None

    def add(self, effects: Iterable[Effect]) -> None:
        """Hand on what has been planned, now or a little later."""
        self._due.update(cast("Alias", effect.integration) for effect in effects)
        now = time.monotonic()
        if self._handed_on_at is None or now - self._handed_on_at >= GATHER:
            self.hand_on()

    def hand_on(self) -> None:
        """Hand on what has gathered; called at the task's end, too."""
        if self._due:
            is_first = self._handed_on_at is None
            hand_on(self._due if is_first else dict.fromkeys(self._due, 1))
            self._due = Counter()
            self._handed_on_at = time.monotonic()
