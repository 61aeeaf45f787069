"""The broker inside Postgres: installed once, and no process is in another's way as it connects."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import psycopg
from django.conf import settings
from kombu import Connection, Producer

from config.broker import QUEUES, install_broker
from config.celery import build_queue
from tests.databases import conninfo

PROCESSES = 8


def count_messages(database_url: str) -> dict[str, int]:
    """Return how many messages wait in each queue."""
    with psycopg.connect(conninfo(database_url)) as connection:
        rows = connection.execute("SELECT queue_name, queue_length FROM pgmq.metrics_all()")
        return {name.removeprefix("switchboard_"): length for name, length in rows}


def test_installing_again_changes_nothing(own_database: str) -> None:
    """A deployment may install the broker each time."""
    assert not install_broker(conninfo(own_database))


def test_queue_that_is_missing_is_added(own_database: str) -> None:
    """A new queue reaches a database that has the others, and these keep their messages."""
    with psycopg.connect(conninfo(own_database)) as connection:
        connection.execute("SELECT pgmq.send('switchboard_crm', '{}')")
        connection.execute("SELECT pgmq.drop_queue('switchboard_tasks')")
    assert install_broker(conninfo(own_database))
    assert count_messages(own_database) == dict.fromkeys(QUEUES, 0) | {"crm": 1}


def test_those_who_connect_at_one_moment_all_publish(own_database: str) -> None:
    """Receivers and workers that start together neither wait for each other nor lose a hint."""
    start = Barrier(PROCESSES)
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS | {"conn_string": conninfo(own_database)}

    def connect(broker: Connection) -> None:
        start.wait(30)
        for name in QUEUES:
            queue = build_queue(name, "pgmq://")
            Producer(broker.default_channel).publish(
                {}, exchange=queue.exchange, routing_key=name, declare=[queue]
            )
            with broker.Consumer(queue, callbacks=[]):
                pass

    with ExitStack() as stack, ThreadPoolExecutor(PROCESSES) as pool:
        brokers = [Connection("pgmq://", transport_options=options) for _ in range(PROCESSES)]
        for broker in brokers:
            # One after the other: how long that may take is not what this is about.
            stack.enter_context(broker)
            broker.ensure_connection(max_retries=5)
        list(pool.map(connect, brokers))
    assert count_messages(own_database) == dict.fromkeys(QUEUES, PROCESSES)
