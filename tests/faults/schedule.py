"""Which fault when: planned from a seed before anything runs, and carried out by the breaker."""

import random
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.faults.faults import Fault
from tests.faults.world import World

SHORTEST_GAP = 1.0
LONGEST_GAP = 5.0
"""Seconds between two beginnings where faults come at random."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One fault's turn; times in seconds, `begins_at` counted from when the plan is begun."""

    fault: Fault
    begins_at: float
    seconds: float

    @property
    def ends_at(self) -> float:
        """When it is mended."""
        return self.begins_at + self.seconds


@dataclass(frozen=True, slots=True)
class Incident:
    """A turn as it happened; times as `time.time()` tells them.

    `ended` is when all was mended as far as the harness can mend it, not when the product had
    recovered. `note` says what went wrong in breaking or mending, and is empty where nothing did.
    """

    fault: Fault
    began: float
    ended: float
    note: str = ""


def plan_alone(faults: Sequence[Fault], start: float, gap: float, scale: float = 1.0) -> list[Turn]:
    """Give each fault a turn of its own, with `gap` seconds of quiet after each.

    `scale` lengthens those faults whose length is a matter of choice.
    """
    turns, begins_at = [], start
    for fault in faults:
        turns.append(Turn(fault, begins_at, fault.read_seconds(scale)))
        begins_at = turns[-1].ends_at + gap
    return turns


def plan_at_random(
    faults: Sequence[Fault], seed: int, start: float, end: float, scale: float = 1.0
) -> list[Turn]:
    """Have faults come at random, several at once, between `start` and `end`.

    Two that break one and the same thing never overlap: what the second would do to something that
    is broken already is nobody's question. The same arguments give the same plan.
    """
    chance = random.Random(seed)  # noqa: S311 -- it is to be repeatable
    turns: list[Turn] = []
    now = start
    while now < end and faults:
        fault = chance.choice(faults)
        turn = Turn(fault, now, fault.read_seconds(scale) * chance.uniform(1.0, 1.5))
        busy = {name for other in turns if other.ends_at > now for name in other.fault.breaks}
        if turn.ends_at <= end and not busy & fault.breaks:
            turns.append(turn)
        now += chance.uniform(SHORTEST_GAP, LONGEST_GAP)
    return turns


class Breaker:
    """Carries a plan out against the world, each turn in a thread of its own.

    A fault that cannot be begun or mended is noted in its incident and stops nothing else.
    """

    def __init__(self, world: World, turns: Sequence[Turn]) -> None:
        self._world = world
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._incidents: list[Incident] = []
        self._active: list[Fault] = []
        self._began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, args=(turn,), name=turn.fault.name, daemon=True)
            for turn in turns
        ]

    @property
    def incidents(self) -> list[Incident]:
        """What has happened and is mended, in the order in which it began."""
        with self._lock:
            return sorted(self._incidents, key=lambda incident: incident.began)

    @property
    def active(self) -> list[Fault]:
        """What is broken just now."""
        with self._lock:
            return list(self._active)

    def start(self) -> None:
        """Begin the plan now."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more, mend at once what is broken, and return when it is."""
        self._stopped.set()
        self.join()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the plan is carried out; return whether it is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, turn: Turn) -> None:
        if self._stopped.wait(max(0.0, self._began + turn.begins_at - time.monotonic())):
            return
        began, note = time.time(), ""
        with self._lock:
            self._active.append(turn.fault)
        try:
            with ExitStack() as stack:
                stack.enter_context(turn.fault.breaking(self._world))
                self._stopped.wait(turn.seconds)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the run goes on and tells it
            note = f"{type(error).__name__}: {error}"
        with self._lock:
            self._active.remove(turn.fault)
            self._incidents.append(Incident(turn.fault, began, time.time(), note))
