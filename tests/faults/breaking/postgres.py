"""Postgres crashes, hangs, or has no room for a connection or a byte."""

from collections.abc import Iterator

from tests.faults.fault import POSTGRES, NotBroken, fault
from tests.faults.servers.waiting import wait_until
from tests.faults.world import World

RESTART_SECONDS = 30.0
"""For its next start, once it has been told to shut down."""

CROWDING_SECONDS = 5.0
"""For others to have taken every connection."""


def find_no_volume(world: World) -> str:
    """Tell whether Postgres has no volume of its own, which alone may be filled up."""
    if world.postgres.volume.is_mounted:
        return ""
    return "no permission to mount a volume for Postgres: run it as root"


@fault(POSTGRES)
def postgres_restarted(world: World) -> Iterator[None]:
    """Shut Postgres down `immediate`, so that it recovers from its log as after a crash.

    The machine's own memory outlives it: a power cut is not what this is.
    """
    before = world.postgres.restarts
    if not world.postgres.crash():
        raise NotBroken("Postgres was not there")
    yield
    wait_until(lambda: world.postgres.restarts > before, "Postgres's next start", RESTART_SECONDS)
    world.postgres.wait()


@fault(POSTGRES, seconds=8, is_scalable=True)
def postgres_hanging(world: World) -> Iterator[None]:
    """SIGSTOP Postgres with all its processes."""
    with world.postgres.frozen():
        yield


@fault(POSTGRES, seconds=5, is_scalable=True)
def postgres_full_of_connections(world: World) -> Iterator[None]:
    """Have others hold every connection that Postgres gives."""
    with world.postgres.crowded():
        wait_until(world.postgres.is_full, "the crowd at Postgres", CROWDING_SECONDS)
        yield


@fault(POSTGRES, seconds=5, is_scalable=True, find_obstacle=find_no_volume)
def postgres_disk_full(world: World) -> Iterator[None]:
    """Leave Postgres no byte to write to."""
    with world.postgres.disk_full():
        yield
    world.postgres.wait()
