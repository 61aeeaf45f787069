"""Which fault when: planned from a seed before anything runs, and carried out by the breaker."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.faults.fault import Fault
from tests.faults.world import World

SHORTEST_GAP = 1.0
LONGEST_GAP = 8.0
"""Seconds between two beginnings where faults come at random."""
PULSE = 0.5
"""Seconds between two looks at whether all is well again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One fault's turn; times in seconds, `begins_at` counted from when its plan is begun."""

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
    recovered. `note` says what went wrong in breaking or mending, and is empty where nothing did;
    `was_broken` tells which of the two it was.
    """

    fault: Fault
    began: float
    ended: float
    note: str = ""
    was_broken: bool = True


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
    """Breaks the world in two parts, from a thread of its own.

    First the turns `alone`, one after the other: each begins as soon as `has_recovered` says of the
    incidents so far that all is well after the last, and at `begins_at` at the latest; what one
    has left of its time is to the good of those that follow. Then, as soon as all is well after the
    last of these and at `alone_until` at the latest, the turns `together`, each in a thread of its
    own; one that would end after `until` has no turn. Two faults with a part in common never
    overlap, however long it takes to mend the first: the second waits.

    A fault that cannot be begun or mended is noted in its incident and stops nothing else.
    """

    def __init__(  # noqa: PLR0917 -- what happens, in the order in which it does
        self,
        world: World,
        alone: Sequence[Turn],
        alone_until: float,
        together: Sequence[Turn],
        until: float,
        has_recovered: Callable[[Sequence[Incident]], bool],
    ) -> None:
        self._world, self._alone, self._together = world, alone, together
        self._alone_until, self._until = alone_until, until
        self._has_recovered = has_recovered
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._incidents: list[Incident] = []
        self._active: list[Fault] = []
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run_all, name="breaker", daemon=True)

    @property
    def incidents(self) -> list[Incident]:
        """What has happened and is mended, in the order in which it began."""
        with self._changed:
            return sorted(self._incidents, key=lambda incident: incident.began)

    @property
    def active(self) -> list[Fault]:
        """What is broken just now."""
        with self._changed:
            return list(self._active)

    def start(self) -> None:
        """Begin now; all times are counted from here."""
        self._began = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, mend at once what is broken, and return when it is."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self.join()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until all has had its turn; return whether it has."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _run_all(self) -> None:
        for turn in self._alone:
            self._wait_until_well(turn.begins_at)
            self._run(turn)
        if self._alone:
            self._wait_until_well(self._alone_until)
        since = self._elapsed if self._alone else 0.0
        threads = [
            threading.Thread(target=self._run, args=(turn, since), name=turn.fault.name)
            for turn in self._together
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        for thread in threads:
            thread.join()

    def _wait_until_well(self, latest: float) -> None:
        """Return as soon as all is well after the last incident, and when it is `latest`."""
        while not self._stopped.wait(PULSE) and self._elapsed < latest:
            incidents = self.incidents
            if incidents and self._has_recovered(incidents):
                return

    def _run(self, turn: Turn, since: float | None = None) -> None:
        """Give the fault its turn: now, or so long after `since` as is planned."""
        if since is not None:
            self._stopped.wait(max(0.0, since + turn.begins_at - self._elapsed))
        if not self._take_parts(turn):
            return
        began, note, was_broken = time.time(), "", False
        try:
            with ExitStack() as stack:
                stack.enter_context(turn.fault.breaking(self._world))
                was_broken = True
                self._stopped.wait(turn.seconds)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the run goes on and tells it
            note = f"{type(error).__name__}: {error}"
        with self._changed:
            self._active.remove(turn.fault)
            incident = Incident(turn.fault, began, time.time(), note, was_broken)
            self._incidents.append(incident)
            self._changed.notify_all()

    def _take_parts(self, turn: Turn) -> bool:
        """Wait until what the fault breaks and needs is whole; tell whether it may begin then."""
        parts = turn.fault.breaks | turn.fault.needs
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stopped.is_set() or not any(one.breaks & parts for one in self._active)
                )
            )
            if self._stopped.is_set() or self._elapsed + turn.seconds > self._until:
                return False
            self._active.append(turn.fault)
            return True
