"""Brokers for the tests of what people do: one that works, and one that is not there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import pools

from config.celery import app
from tests.databases import conninfo
from tests.processes import find_free_port


@contextmanager
def broker_at(url: str, options: dict[str, Any]) -> Iterator[None]:
    """Have Celery publish to the broker at `url`."""
    before = app.conf.broker_url, app.conf.broker_transport_options
    point_celery_at(url, options)
    try:
        yield
    finally:
        point_celery_at(*before)


@contextmanager
def broker_in(database_url: str) -> Iterator[None]:
    """Have Celery publish to the broker that is installed in the database."""
    options = dict(app.conf.broker_transport_options) | {"conn_string": conninfo(database_url)}
    with broker_at("pgmq://", options):
        yield


@contextmanager
def no_broker() -> Iterator[None]:
    """Have Celery publish to a port that refuses it."""
    with broker_at(f"redis://127.0.0.1:{find_free_port()}", {"max_retries": 0}):
        yield


@contextmanager
def silent_broker() -> Iterator[None]:
    """Have Celery publish to a broker that takes connections and never answers."""
    options = {"socket_timeout": 30, "socket_connect_timeout": 30}
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        broker_at(f"redis://127.0.0.1:{server.getsockname()[1]}", options),
    ):
        yield


def point_celery_at(url: str, options: dict[str, Any]) -> None:
    """Change the broker, and forget the connections to the one before."""
    pools.reset()
    app.conf.update(broker_url=url, broker_transport_options=options)
    # Celery has no other way to change its mind.
    app._pool = None  # type: ignore[attr-defined] # noqa: SLF001
    app.amqp._producer_pool = None  # type: ignore[attr-defined] # noqa: SLF001
