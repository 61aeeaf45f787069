"""Every way in which the harness breaks the product's world, in the order of a report."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg

from tests.faults import poison
from tests.faults.servers.waiting import wait_until
from tests.faults.world import LEASE, World

WEB, WORKER1, WORKER2, BEAT = "web", "worker1", "worker2", "beat"
BROKER, POSTGRES, CLOCK, DOWNSTREAM, POISON = "broker", "postgres", "clock", "downstream", "poison"

OFF_CLOCK = (WEB, WORKER1, BEAT)
"""Whose clock is stepped: WORKER2 stays with the true one, as another machine would."""

STEP = 3600
"""Seconds by which the clock is stepped: far beyond the replay window of a signature."""

STEPPED_SECONDS = 4.0
"""For each step but the first: the processes take up to a second to read of it."""

RESTART_SECONDS = 20.0
"""For a process that is started again whenever it ends."""

WORK_SECONDS = 5.0
FIND_AT_WORK = """
SELECT worker FROM webhooks_effect effect
JOIN webhooks_attempt attempt ON attempt.effect_id = effect.id AND attempt.lease = effect.lease
WHERE effect.state = 'running' AND worker LIKE %s
LIMIT 1
"""
"""`planted.name_machine` has each process give its own name."""

CHUNK_DELAY = 0.2
"""Seconds by which a slow broker holds up each piece of data, there and back."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks, lasts and is mended again.

    `breaking(world)` breaks on entry and mends on exit, and returns when it is mended. `seconds` is
    how long it lasts in a short run, 0 where it is over at once; `is_scalable` says whether it
    lasts longer in a longer run. `breaks` names the parts that it breaks: two faults with a part
    in common never overlap. `find_obstacle(world)` says in a sentence why it cannot be done here,
    with an empty text where it can.
    """

    name: str
    seconds: float
    breaks: frozenset[str]
    breaking: Callable[[World], AbstractContextManager[None]]
    is_scalable: bool
    find_obstacle: Callable[[World], str]

    @property
    def spares_acks(self) -> bool:
        """Whether acknowledgements are to go on as if nothing were broken: they need no broker."""
        return not self.breaks & {WEB, POSTGRES, CLOCK}

    def read_seconds(self, scale: float) -> float:
        """Return how many seconds it lasts in a run that is `scale` times as long."""
        return self.seconds * scale if self.is_scalable else self.seconds


def find_none(_world: World) -> str:
    """Find nothing that stands in the way."""
    return ""


def find_no_volume(world: World) -> str:
    """Tell whether Postgres has no volume of its own, which alone may be filled up."""
    if world.postgres.volume.is_mounted:
        return ""
    return "no permission to mount a volume for Postgres: run it as root"


def find_no_clock(world: World) -> str:
    """Tell whether the clock can't be stepped."""
    return "" if world.clock.can_step else "libfaketime is missing: install Debian's faketime"


def find_no_downstream(world: World) -> str:
    """Tell whether there is no downstream to kill."""
    return "" if world.downstream is not None else "this run has no downstream of its own"


Breaking = Callable[[World], Iterator[None]]
FAULTS: dict[str, Fault] = {}


def fault(
    *breaks: str,
    seconds: float = 0.0,
    is_scalable: bool = False,
    find_obstacle: Callable[[World], str] = find_none,
) -> Callable[[Breaking], Breaking]:
    """Put a function that breaks, yields and mends into FAULTS, under its own name."""

    def register(function: Breaking) -> Breaking:
        FAULTS[function.__name__] = Fault(
            function.__name__,
            seconds,
            frozenset(breaks),
            contextmanager(function),
            is_scalable,
            find_obstacle,
        )
        return function

    return register


@fault(WEB)
def web_worker_killed(world: World) -> Iterator[None]:
    """SIGKILL one of gunicorn's workers with the requests that it is answering."""
    world.services[WEB].kill_child(world.chance.choice(world.services[WEB].children() or [None]))
    yield


@fault(WEB)
def web_master_killed(world: World) -> Iterator[None]:
    """SIGKILL gunicorn's master; the supervisor clears its workers away and starts it again."""
    service = world.services[WEB]
    before = service.restarts
    service.kill_main()
    yield
    # Until they are cleared away, the old one's workers go on answering.
    wait_until(lambda: service.restarts > before, "gunicorn's next master", RESTART_SECONDS)
    world.wait_for_receiver()


@fault(WORKER1)
def worker_killed(world: World) -> Iterator[None]:
    """SIGKILL a Celery worker with its pool, as the kernel does when memory runs out."""
    catch_at_work(world, WORKER1)
    world.services[WORKER1].kill()
    yield


@fault(WORKER2)
def worker_child_killed(world: World) -> Iterator[None]:
    """SIGKILL one process of a Celery worker's pool in its work."""
    service = world.services[WORKER2]
    try:
        service.kill_child(catch_at_work(world, WORKER2))
    finally:
        service.thaw()
    yield


@fault(WORKER1, seconds=LEASE + 3)
def worker_frozen(world: World) -> Iterator[None]:
    """SIGSTOP a worker for longer than its leases, and let it go on with what is not its own."""
    try:
        catch_at_work(world, WORKER1)
        yield
    finally:
        world.services[WORKER1].thaw()


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


@fault(BROKER)
def broker_emptied(world: World) -> Iterator[None]:
    """Lose all messages."""
    world.broker.empty()
    yield


@fault(POSTGRES)
def postgres_restarted(world: World) -> Iterator[None]:
    """Shut Postgres down `immediate`, so that it recovers from its log as after a power cut."""
    world.postgres.crash()
    yield
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
        yield


@fault(POSTGRES, seconds=5, is_scalable=True, find_obstacle=find_no_volume)
def postgres_disk_full(world: World) -> Iterator[None]:
    """Leave Postgres no byte to write to."""
    with world.postgres.disk_full():
        yield
    world.postgres.wait()


@fault(BEAT, seconds=10, is_scalable=True)
def beat_dead(world: World) -> Iterator[None]:
    """SIGKILL beat and keep it down: nothing sweeps."""
    service = world.services[BEAT]
    service.put_down()
    try:
        yield
    finally:
        service.start()


@fault(CLOCK, *OFF_CLOCK, seconds=6, find_obstacle=find_no_clock)
def clock_stepped(world: World) -> Iterator[None]:
    """Step the clock of all but one worker an hour forward, right, an hour back, and right again.

    While it is wrong, the receiver rejects genuine deliveries as stale (401), and their sender
    has to send them again. The processes have to be started anew for it, and after it: what steps
    their clock costs so much that they run without it otherwise.
    """
    try:
        world.restart_one_by_one(OFF_CLOCK, world.clock.build_environment())
        world.clock.step(STEP)
        yield
        for seconds in (0, -STEP):
            world.clock.step(seconds)
            time.sleep(STEPPED_SECONDS)
    finally:
        world.clock.step(0)
        world.restart_one_by_one(OFF_CLOCK, {})


@fault(DOWNSTREAM, seconds=10, is_scalable=True, find_obstacle=find_no_downstream)
def downstream_dead(world: World) -> Iterator[None]:
    """SIGKILL the downstream and keep it down."""
    downstream = world.downstream
    assert downstream is not None
    downstream.kill()
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


@fault(WEB, WORKER1, WORKER2, BEAT)
def deploy(world: World) -> Iterator[None]:
    """SIGTERM to all of the product's processes in the middle of their work, and start them."""
    world.deploy()
    yield
    world.wait_for_receiver()


def catch_at_work(world: World, name: str) -> int | None:
    """Freeze the worker `name` while it has an effect under way; return the process that has it.

    Most effects take milliseconds, so it is frozen and thawed until one is caught. None where none
    is for a while, or Postgres is broken: it is frozen all the same then.
    """
    service = world.services[name]
    deadline = time.monotonic() + WORK_SECONDS
    with contextlib.suppress(psycopg.Error), world.postgres.connect() as connection:
        while time.monotonic() < deadline:
            service.freeze()
            row = connection.execute(FIND_AT_WORK, [f"{name}-%"]).fetchone()
            if row is not None:
                return int(row[0].rpartition("-")[2])
            service.thaw()
            time.sleep(world.chance.uniform(0.02, 0.1))
    service.freeze()
    return None
