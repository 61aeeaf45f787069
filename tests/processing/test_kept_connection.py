"""A worker's process keeps its connection to Postgres from task to task, and only a good one."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.factories import EventFactory
from tests.operations.brokers import broker_in
from tests.processes import start_worker
from webhooks.models import Event
from webhooks.processing.tasks import process_events, sweep

SECONDS = 60.0

OTHERS = """
SELECT {} FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'switchboard'
    AND pid <> pg_backend_pid()
"""
"""The connections of Django's, without the test's own."""


def ask_of_others(what: str) -> list[Any]:
    """Return what is asked of each of the worker's connections."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS.format(what))
        return [value for (value,) in cursor.fetchall()]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return when it is; raises AssertionError if it never is."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def have_event_processed() -> None:
    """Have the worker process an event that leads to nothing, and return when it has."""
    event = EventFactory.create(event_type="nobody.asks")
    process_events.delay()
    wait_until(lambda: Event.objects.get(pk=event.pk).status != Event.Status.PENDING)


def end_connection() -> None:
    """End the worker's connection, between two tasks."""
    wait_until(lambda: ask_of_others("clock_timestamp() - state_change > '0.5 s'") == [True])
    assert ask_of_others("pg_terminate_backend(pid, 5000)") == [True]


def test_connection_is_kept_until_it_is_dead(own_database: str) -> None:
    """Tasks share it; the first one after its end has another, and succeeds."""
    with (
        broker_in(own_database),
        start_worker(own_database, "--concurrency", "1") as worker,
    ):
        have_event_processed()
        (kept,) = ask_of_others("pid")
        have_event_processed()
        assert ask_of_others("pid") == [kept]

        end_connection()
        have_event_processed()
        (second,) = ask_of_others("pid")
        assert second != kept

        # The sweep asks once only, so it is before the task that the connection is found out.
        end_connection()
        sweep.delay()
        wait_until(lambda: bool(ask_of_others("pid")))
        have_event_processed()
        assert "Traceback" not in worker.read_log()
        assert "work_interrupted" not in worker.read_log()
