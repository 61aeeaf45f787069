"""The product's own processes are killed, stopped or replaced."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.faults.fault import (
    BEAT,
    BROKER,
    DOWNSTREAM,
    POSTGRES,
    WEB,
    WORKER1,
    WORKER2,
    NotBroken,
    fault,
)
from tests.faults.servers.waiting import wait_until
from tests.faults.services import Service
from tests.faults.world import LEASE, World

RESTART_SECONDS = 20.0
"""For a process that is started again whenever it ends."""

AT_WORK = (BROKER, POSTGRES, DOWNSTREAM)
"""Without one of these, a worker has little or nothing to do, and is not caught at its work."""

WORK_SECONDS = 15.0
"""In which a worker has to be caught at its work: it may have to catch up with an outage first."""

FIND_AT_WORK = """
SELECT worker FROM webhooks_effect effect
JOIN webhooks_attempt attempt ON attempt.effect_id = effect.id AND attempt.lease = effect.lease
WHERE effect.state = 'running' AND worker LIKE %s
"""
"""`planted.name_machine` has each process give its own name."""

HEAD_START = 1.0
"""Seconds for which the children of a frozen worker go on before it does.

As it goes on itself, it kills those whose time is over, before they could bring their results.
"""


@fault(WEB)
def web_worker_killed(world: World) -> Iterator[None]:
    """SIGKILL one of gunicorn's workers with the requests that it is answering."""
    service = world.services[WEB]
    children = service.children()
    if not children or not service.kill_child(world.chance.choice(children)):
        raise NotBroken("gunicorn had no worker")
    yield


@fault(WEB)
def web_master_killed(world: World) -> Iterator[None]:
    """SIGKILL gunicorn's master; the supervisor clears its workers away and starts it again."""
    service = world.services[WEB]
    before = service.restarts
    if not service.kill_main():
        raise NotBroken("gunicorn was not there")
    yield
    # Until they are cleared away, the old one's workers go on answering.
    wait_until(lambda: service.restarts > before, "gunicorn's next master", RESTART_SECONDS)
    world.wait_for_receiver()


@fault(WORKER1, needs=AT_WORK)
def worker_killed(world: World) -> Iterator[None]:
    """SIGKILL a Celery worker with its pool in its work, as the kernel does without memory."""
    catch_at_work(world, WORKER1)
    world.services[WORKER1].kill()
    yield


@fault(WORKER2, needs=AT_WORK)
def worker_child_killed(world: World) -> Iterator[None]:
    """SIGKILL one process of a Celery worker's pool in its work."""
    service = world.services[WORKER2]
    try:
        if not service.kill_child(catch_at_work(world, WORKER2)):
            raise NotBroken("the process was gone")
    finally:
        service.thaw()
    yield


@fault(WORKER1, seconds=LEASE + 3, needs=AT_WORK)
def worker_frozen(world: World) -> Iterator[None]:
    """SIGSTOP a worker for longer than its leases, and let it go on with what is not its own."""
    service = world.services[WORKER1]
    try:
        catch_at_work(world, WORKER1)
        yield
    finally:
        service.thaw_children()
        time.sleep(HEAD_START)
        service.thaw()


@fault(BEAT, seconds=10, is_scalable=True)
def beat_dead(world: World) -> Iterator[None]:
    """SIGKILL beat and keep it down: nothing sweeps."""
    service = world.services[BEAT]
    service.put_down()
    try:
        yield
    finally:
        service.start()


@fault(WEB, WORKER1, WORKER2, BEAT)
def deploy(world: World) -> Iterator[None]:
    """SIGTERM to all of the product's processes in the middle of their work, and start them."""
    world.deploy()
    yield
    world.wait_for_receiver()


def catch_at_work(world: World, name: str) -> int:
    """Freeze the worker `name` while it has an effect under way; return the process that has it.

    Most effects take milliseconds, so it is frozen and thawed until one is caught. Raises
    NotBroken, with the worker thawed, where none is for a while.
    """
    service = world.services[name]
    deadline = time.monotonic() + WORK_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error), world.postgres.connect() as connection:
            while time.monotonic() < deadline:
                service.freeze()
                if pid := find_at_work(connection, service):
                    return pid
                service.thaw()
                time.sleep(world.chance.uniform(0.02, 0.1))
        service.thaw()
        time.sleep(0.1)  # Postgres is broken just now
    raise NotBroken(f"{name} was never caught at its work")


def find_at_work(connection: psycopg.Connection[Any], service: Service) -> int:
    """Return the process of the service that has an effect under way; 0 where none has."""
    children = service.children()
    rows = connection.execute(FIND_AT_WORK, [f"{service.name}-%"]).fetchall()
    pids = (int(worker.rpartition("-")[2]) for (worker,) in rows)
    # A row may still be that of a process that has been killed long since.
    return next((pid for pid in pids if pid in children), 0)
