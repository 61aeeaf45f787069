"""What surrounds the product goes wrong: the clock, the downstream, what it is sent."""

import time
from collections.abc import Iterator

from tests.faults import poison
from tests.faults.fault import (
    BEAT,
    CLOCK,
    DOWNSTREAM,
    POISON,
    WEB,
    WORKER1,
    NotBroken,
    fault,
)
from tests.faults.world import World

OFF_CLOCK = (WEB, WORKER1, BEAT)
"""Whose clock is stepped: WORKER2 stays with the true one, as another machine would."""

STEP = 3600
"""Seconds by which the clock is stepped: far beyond the replay window of a signature."""

STEPPED_SECONDS = 4.0
"""For each step but the first: the processes take up to a second to read of it."""

STEPPING_SECONDS = 10.0
"""In which the receiver has to tell the time that it was given."""


def find_no_clock(world: World) -> str:
    """Tell whether the clock can't be stepped."""
    return "" if world.clock.can_step else "libfaketime is missing: install Debian's faketime"


def find_no_downstream(world: World) -> str:
    """Tell whether there is no downstream to kill."""
    return "" if world.downstream is not None else "this run has no downstream of its own"


@fault(CLOCK, *OFF_CLOCK, seconds=6, find_obstacle=find_no_clock)
def clock_stepped(world: World) -> Iterator[None]:
    """Step the clock of all but one worker an hour forward, right, an hour back, and right again.

    While it is wrong, the receiver rejects genuine deliveries as stale (401), and their sender
    has to send them again. The processes have to be started anew for it, and after it: what steps
    their clock costs so much that they run without it otherwise.
    """
    try:
        world.restart_one_by_one(OFF_CLOCK, world.clock.build_environment())
        step_clock(world, STEP)
        yield
        for seconds in (0, -STEP):
            step_clock(world, seconds)
            time.sleep(STEPPED_SECONDS)
    finally:
        world.clock.step(0)
        world.restart_one_by_one(OFF_CLOCK, {})


def step_clock(world: World, seconds: int) -> None:
    """Step the clock, and return when the receiver tells so. Raises NotBroken if it never does."""
    world.clock.step(seconds)
    deadline = time.monotonic() + STEPPING_SECONDS
    while True:
        told = world.read_clock()
        if told is not None and abs(told - seconds) < STEP / 2:
            return
        if time.monotonic() > deadline:
            raise NotBroken(f"the receiver's clock was not stepped by {seconds} s")
        time.sleep(0.1)


@fault(DOWNSTREAM, seconds=10, is_scalable=True, find_obstacle=find_no_downstream)
def downstream_dead(world: World) -> Iterator[None]:
    """SIGKILL the downstream and keep it down."""
    downstream = world.downstream
    assert downstream is not None
    if not downstream.kill():
        raise NotBroken("the downstream was not there")
    try:
        yield
    finally:
        downstream.start()


@fault(POISON, seconds=4, is_scalable=True)
def poison_event(world: World) -> Iterator[None]:
    """Have the sender send events that make their projection raise, or kill their worker."""
    world.poison_markers = poison.MARKERS
    try:
        yield
    finally:
        world.poison_markers = ()
