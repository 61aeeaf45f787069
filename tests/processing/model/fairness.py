"""From every state all comes to an end, by the sweep and one healthy worker alone.

The worst is taken for granted: all workers die, and all messages are lost. From then on the worker
does nothing but what a message from the sweep calls it to, and every vendor works.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from celery import current_app

from integrations.kinds import REQUESTS
from tests.processing.model.moves import Powers
from tests.processing.model.rows import OPEN, PAST, put_back, read_rows, tell_apart
from tests.processing.model.rules import check_end, check_state, demand
from tests.processing.model.vendor import desk
from tests.processing.model.world import EMPTY, Answer, Left, World
from tests.processing.stories import undone
from webhooks.processing import event_work, sweep, work

ROUNDS = 12
"""More than any effect of a scene has attempts."""


class Fairness:
    """Runs states to their end; a state that was met before is not run again."""

    def __init__(self, powers: Powers) -> None:
        self._powers = powers
        self._good: set[str] = set()

    @property
    def endings(self) -> int:
        """How many different states were found to come to an end."""
        return len(self._good)

    def check(self, world: World) -> None:
        """Demand that the state comes to an end, and to a good one."""
        met: list[str] = []
        with undone():
            for _ in range(ROUNDS):
                world = abandon(world)
                told = tell_apart(world)
                if told in self._good:
                    break
                met.append(told)
                if not has_work(world):
                    check_end(world)
                    break
                put_back(world.rows)
                world = self._let_work(world)
                check_state(world, self._powers)
            else:
                demand(holds=False, rule="all comes to an end")
        self._good.update(met)

    def _let_work(self, world: World) -> World:
        """Have the sweep look, and a worker do what it is told of."""
        called = call_workers()
        is_held = any(row["status"] == "held" for row in world.events)
        demand(is_held or read_rows() == world.rows, "the sweep changes no row but what is held")
        demand(called, "whatever waits is found by the sweep")
        desk.answer = Answer.DONE
        desk.applied.clear()
        if "events" in called:
            event_work.work_off_events()
        for alias in REQUESTS:
            if alias in called:
                work.work_off(alias)
        applied = Counter(world.applied) + desk.applied
        if self._powers.is_keyed:
            applied = Counter(dict.fromkeys(applied, 1))
        return replace(world, rows=read_rows(), applied=applied)


def abandon(world: World) -> World:
    """Return what is there when all workers have died, time has passed, and nothing is paused."""
    late = {"due_at": PAST.isoformat()}
    rows = world.rows | {
        "webhooks_source": [row | {"is_paused": False} for row in world.rows["webhooks_source"]],
        "webhooks_effect": [row | late for row in world.effects],
        "webhooks_event": [row | late for row in world.events],
    }
    return World(rows, (EMPTY,), world.applied, Left())


def has_work(world: World) -> bool:
    """Tell whether something is left to do that is no person's."""
    effects = any(row["state"] in OPEN for row in world.effects)
    return effects or any(row["status"] in (*OPEN, "held") for row in world.events)


def call_workers() -> set[str]:
    """Let the sweep look with empty queues, and return those that have a message then."""
    queues = ("events", *REQUESTS)
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        for queue in queues:
            current_app.amqp.queues[queue].bind(channel).declare()
            channel.queue_purge(queue)
        sweep.sweep()
        return {queue for queue in queues if channel.queue_purge(queue)}
