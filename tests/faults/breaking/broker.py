"""The broker is dead, hangs, is slow or has lost what it held."""

from collections.abc import Iterator

from tests.faults.fault import BROKER, POSTGRES, fault
from tests.faults.world import World

CHUNK_DELAY = 0.2
"""Seconds by which a slow broker holds up each piece of data, there and back."""


@fault(BROKER, seconds=6, is_scalable=True)
def broker_killed(world: World) -> Iterator[None]:
    """Have the broker dead."""
    with world.broker.killed():
        yield


@fault(BROKER, seconds=6, is_scalable=True)
def broker_hanging(world: World) -> Iterator[None]:
    """Have the broker take connections and answer nothing."""
    with world.broker.hanging():
        yield


@fault(BROKER, seconds=6, is_scalable=True)
def broker_slow(world: World) -> Iterator[None]:
    """Have the broker slow."""
    with world.broker.slow(CHUNK_DELAY):
        yield


@fault(BROKER, needs=(POSTGRES,))  # which is the broker by default, and couldn't be told to forget
def broker_emptied(world: World) -> Iterator[None]:
    """Lose all messages."""
    world.broker.empty()
    yield
