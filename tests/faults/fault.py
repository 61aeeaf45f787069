"""What a fault is: something that breaks, lasts and is mended again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.faults.world import World

WEB, WORKER1, WORKER2, BEAT = "web", "worker1", "worker2", "beat"
BROKER, POSTGRES, CLOCK, DOWNSTREAM, POISON = "broker", "postgres", "clock", "downstream", "poison"

NEEDED = frozenset({WEB, POSTGRES, CLOCK})
"""What an acknowledgement needs; the clock, for a signature must not be stale."""


class NotBroken(Exception):  # noqa: N818 -- it names what is the case
    """There was nothing to break: a run must not count as one with this fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks, lasts and is mended again.

    `breaking(world)` breaks on entry and mends on exit, and returns when it is mended; it raises
    NotBroken on entry where it hit nothing. `seconds` is how long it lasts in a short run, 0 where
    it is over at once; `is_scalable` says whether it lasts longer in a longer run. `breaks` names
    the parts that it breaks: two faults with a part in common never overlap. `needs` names those
    that must be whole when it begins, or there is nothing that it could hit.
    `find_obstacle(world)` says in a sentence why it cannot be done here, with an empty text where
    it can.
    """

    name: str
    seconds: float
    breaks: frozenset[str]
    breaking: Callable[[World], AbstractContextManager[None]]
    is_scalable: bool
    find_obstacle: Callable[[World], str]
    needs: frozenset[str] = frozenset()

    @property
    def spares_acks(self) -> bool:
        """Whether acknowledgements are to go on as if nothing were broken: they need no broker."""
        return not self.breaks & NEEDED

    def read_seconds(self, scale: float) -> float:
        """Return how many seconds it lasts in a run that is `scale` times as long."""
        return self.seconds * scale if self.is_scalable else self.seconds


def find_none(_world: World) -> str:
    """Find nothing that stands in the way."""
    return ""


def fault(
    *breaks: str,
    seconds: float = 0.0,
    is_scalable: bool = False,
    find_obstacle: Callable[[World], str] = find_none,
    needs: tuple[str, ...] = (),
) -> Callable[[Callable[[World], Iterator[None]]], Fault]:
    """Make a fault, under its own name, of a function that breaks, yields and mends."""

    def make(function: Callable[[World], Iterator[None]]) -> Fault:
        return Fault(
            function.__name__,
            seconds,
            frozenset(breaks),
            contextmanager(function),
            is_scalable,
            find_obstacle,
            frozenset(needs),
        )

    return make
