"""Tell the workers of an integration that there is work for them.

A hint names an integration and no effect: whoever takes it claims what is best, and then the next,
so one hint stands for any number of effects, and any hint for any effect.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

import structlog
from celery import current_app

from integrations.base import Alias
from webhooks.models import Effect
from webhooks.processing.concurrency import read_fan_out
from webhooks.processing.dispatch import GATHER

logger = structlog.stdlib.get_logger(__name__)

TASKS: Mapping[Alias, str] = {
    "crm": "webhooks.processing.tasks.update_crm",
    "tickets": "webhooks.processing.tasks.create_ticket",
    "usage": "webhooks.processing.tasks.record_usage",
    "tasks": "webhooks.processing.tasks.create_follow_up",
}

LIFETIME = timedelta(seconds=30)
"""After how long a hint is thrown away unheeded.

So hints do not pile up before an integration that hangs, and what they were for is found by the
sweep. It is the one time that is told by the machines' clocks: far more than these may differ.
"""


def send_hints(due: Mapping[Alias, int]) -> None:
    """Publish hints for so many due effects of each integration, no more than are of use.

    Raises what the broker's client does.
    """
    for alias, effects in due.items():
        for _ in range(min(effects, read_fan_out(alias))):
            current_app.send_task(
                TASKS[alias], queue=alias, expires=LIFETIME.total_seconds(), retry=False
            )


def count_waiting(alias: Alias) -> int:
    """Return how many hints wait in the integration's queue for a worker, expired ones among them.

    Raises what the broker's client does.
    """
    with current_app.connection_for_write() as broker:
        # Declaring is asking, where the queue is there; not all transports have another way.
        queue: Any = current_app.amqp.queues[alias].bind(broker.default_channel).queue_declare()
        return int(queue.message_count)


def hand_on(due: Mapping[Alias, int]) -> None:
    """Have so many effects of each integration run soon; called by the tasks.

    A broker that fails is no failure of such a task: the sweep finds the effects.
    """
    try:
        send_hints(due)
    except Exception as error:  # noqa: BLE001 -- brokers' clients raise what they like
        logger.warning(
            "hint_not_published", effects=sum(due.values()), error_class=type(error).__name__
        )


class Gathered:
    """The effects that a task plans, handed on as it goes.

    The first ones at once, and then those of `GATHER` seconds together, with one hint each time:
    whoever works goes on by themselves, and the queue must not fill faster than it empties.
    """

    def __init__(self) -> None:
        self._due: Counter[Alias] = Counter()
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
