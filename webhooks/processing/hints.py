"""Tell workers that there is work for them.

A hint names a kind of work, events or an integration, and no row: whoever takes it claims what is
best, and then the next, so one hint stands for any number of rows, and any hint for any row.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, cast

import structlog
from celery import current_app
from kombu import Connection

from integrations.base import Alias
from webhooks.models import Effect
from webhooks.processing.batches import BATCH
from webhooks.processing.concurrency import FAN_OUT, read_fan_out

logger = structlog.stdlib.get_logger(__name__)

Work = Literal["events"] | Alias
"""A kind of work, by the name of its queue."""

TASKS: Mapping[Work, str] = {
    "events": "webhooks.processing.tasks.process_events",
    "crm": "webhooks.processing.tasks.update_crm",
    "tickets": "webhooks.processing.tasks.create_ticket",
    "usage": "webhooks.processing.tasks.record_usage",
    "tasks": "webhooks.processing.tasks.create_follow_up",
}

LIFETIME = timedelta(seconds=30)
"""After how long a hint is thrown away unheeded.

So hints do not pile up where nobody takes them, and what they were for is found by the sweep. It
is the one time that is told by the machines' clocks: far more than these may differ.
"""


GATHER = 0.1
"""Seconds between two publications: the first after a quiet time goes out at once, and under load
a message costs a fraction of what one for each row would."""


def send_hints(due: Mapping[Work, int], broker: Connection | None = None) -> int:
    """Publish hints at so many due rows of each kind, no more than are of use; return how many.

    Raises what the broker's client does.
    """
    sent = 0
    for work, rows in due.items():
        for _ in range(count_useful(work, rows)):
            current_app.send_task(
                TASKS[work],
                queue=work,
                expires=LIFETIME.total_seconds(),
                connection=broker,
                retry=False,
            )
            sent += 1
    return sent


def count_useful(work: Work, rows: int) -> int:
    """Return how many hints at so many due rows are of use: as many as could be heeded at once."""
    if work == "events":
        return min(math.ceil(rows / BATCH), FAN_OUT)
    return min(rows, read_fan_out(work))


def count_waiting(work: Work) -> int:
    """Return how many hints wait in the queue for a worker, expired ones among them.

    Raises what the broker's client does.
    """
    with current_app.connection_for_write() as broker:
        # Declaring is asking, where the queue is there; not all transports have another way.
        queue: Any = current_app.amqp.queues[work].bind(broker.default_channel).queue_declare()
        return int(queue.message_count)


def hand_on(due: Mapping[Work, int]) -> None:
    """Have so many rows of each kind worked on soon; called by the tasks.

    A broker that fails is no failure of such a task: the sweep finds what is due.
    """
    try:
        send_hints(due)
    except Exception as error:  # noqa: BLE001 -- brokers' clients raise what they like
        logger.warning(
            "hint_not_published", rows=sum(due.values()), error_class=type(error).__name__
        )


class Gathered:
    """The effects that a task plans, handed on as it goes.

    The first ones at once, and then those of `GATHER` seconds together, with one hint each time:
    whoever works goes on by themselves, and the queue must not fill faster than it empties.
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
