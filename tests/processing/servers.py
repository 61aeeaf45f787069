"""Brokers as Debian packages them, each a process of the test's own on a port of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import current_app

from config.settings import broker, limits
from tests import rabbitmq
from tests.databases import conninfo
from tests.operations.brokers import broker_at, broker_in
from tests.processes import find_free_port
from webhooks.processing.hints import Work, count_waiting

START_SECONDS = 60

BROKERS = ("postgres", "redis", "rabbitmq")


def read_transport_options(url: str) -> dict[str, Any]:
    """Return the options that the product's settings give to the broker at `url`.

    The time limits are a fifth of the product's, so that tests of outages need not wait.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(broker, "URL", url)
        for name in ("BROKER_CONNECT_TIMEOUT", "BROKER_REPLY_TIMEOUT"):
            patched.setattr(limits, name, getattr(limits, name) / 5)
        return broker.transport_options()


@contextmanager
def run_server(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[None]:
    """Run a server until the block ends, from when its port answers."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            said = (folder / "log").read_text(errors="replace")
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    """Tell whether something listens on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def make_folder(name: str) -> Iterator[Path]:
    """Give a folder with a short name that is removed again."""
    folder = Path(tempfile.mkdtemp(prefix=f"switchboard-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_redis(port: int | None = None) -> Iterator[str]:
    """Run a Redis that keeps nothing, and give its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = port or find_free_port()
    command = [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with make_folder("redis") as folder, run_server(command, port, folder):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def run_rabbitmq() -> Iterator[str]:
    """Run a RabbitMQ with a name, a cookie and a port mapper of its own, and give its address."""
    if not rabbitmq.is_installed():
        pytest.skip("rabbitmq-server is not installed")
    port, mapper = find_free_port(), find_free_port()
    with make_folder("rabbitmq") as folder:
        environment = rabbitmq.build_environment(folder, port, find_free_port(), mapper)
        with (
            run_server(rabbitmq.build_mapper_command(mapper), mapper, folder, **environment),
            run_server(rabbitmq.build_command(), port, folder, **environment),
        ):
            yield f"amqp://guest:guest@127.0.0.1:{port}//"


@contextmanager
def use_broker(broker: str, database_url: str) -> Iterator[None]:
    """Have Celery publish to a broker of this kind that is well."""
    if broker == "postgres":
        with broker_in(database_url):
            yield
        return
    run = run_redis if broker == "redis" else run_rabbitmq
    with run() as url, broker_at(url, read_transport_options(url)):
        yield


def wait_for_hints(work: Work, hints: int) -> None:
    """Return once so many wait in the broker in use; RabbitMQ counts one a moment after it came."""
    deadline = time.monotonic() + 10
    with current_app.connection_for_write() as broker:
        while (waiting := count_waiting(work, broker)) != hints:
            assert time.monotonic() < deadline, waiting
            time.sleep(0.01)


@contextmanager
def hang(port: int) -> Iterator[None]:
    """Listen on the port, take connections, and never say a word."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        yield


def count_hints(database_url: str, queue: str) -> int:
    """Return how many messages wait in the queue of the broker inside Postgres."""
    with psycopg.connect(conninfo(database_url)) as connection:
        row = connection.execute(
            "SELECT queue_length FROM pgmq.metrics(%s)", [f"switchboard_{queue}"]
        ).fetchone()
    assert row is not None
    return int(row[0])
