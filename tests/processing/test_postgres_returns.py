"""Workers whose Postgres goes away in the middle: what a vendor has done is not forgotten."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from pytest_django import DjangoDbBlocker, Settings

from config.embedded import EmbeddedPostgres
from integrations.base import Request
from tests.databases import conninfo, django_on, migrate, only_read
from tests.factories import EffectFactory
from tests.processing.integration import bind_callback
from tests.processing.logs import read_log
from tests.processing.steps import list_attempts
from tests.workers import time_limit
from webhooks.models import Effect
from webhooks.processing.event_work import work_off_events
from webhooks.processing.work import work_off

SUCCEEDED = [(1, "succeeded", "", "")]


@pytest.fixture(scope="module")
def server(django_db_blocker: DjangoDbBlocker) -> Iterator[EmbeddedPostgres]:
    """Return a migrated server of the tests' own."""
    with (
        tempfile.TemporaryDirectory(prefix="switchboard-own-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=False) as postgres,
        django_db_blocker.unblock(),
    ):
        migrate(postgres.url)
        yield postgres


@pytest.fixture
def postgres(
    server: EmbeddedPostgres, django_db_blocker: DjangoDbBlocker
) -> Iterator[EmbeddedPostgres]:
    """Have Django use that server, with no effects on it."""
    with django_db_blocker.unblock(), django_on(server.url):
        Effect.objects.all().delete()
        yield server


@pytest.fixture
def calls(settings: Settings) -> list[Callable[[], object]]:
    """Return what is done while a vendor is called, one for each call; it is empty at first."""
    waiting: list[Callable[[], object]] = []

    def call(_: Request) -> None:
        waiting.pop(0)()

    bind_callback(settings, call)
    return waiting


def cut_connections(url: str) -> None:
    """Cut every connection to the database, as a failover does."""
    with psycopg.connect(conninfo(url)) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def crash(postgres: EmbeddedPostgres) -> None:
    """End the server as `immediate` does: the next start has to recover."""
    pid = int((postgres.folder / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    while postgres.is_running():
        time.sleep(0.01)


@contextmanager
def fail_statements(words: str, error: Exception, *, afterwards: bool = False) -> Iterator[None]:
    """Raise `error` once, at the first statement that holds `words`: before it, or after it."""
    errors = [error]

    def interrupt(execute: Any, sql: str, *arguments: Any) -> Any:
        if words not in sql or not errors:
            return execute(sql, *arguments)
        if afterwards:
            execute(sql, *arguments)
        raise errors.pop()

    with connection.execute_wrapper(interrupt):
        yield


def test_connection_that_is_cut_during_the_call_loses_no_result(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """The verdict is recorded on a new one, and the worker goes on with the next effect."""
    first, second = EffectFactory.create_batch(2)
    calls += [lambda: cut_connections(postgres.url), lambda: None]
    work_off("crm")
    assert list_attempts(first) == list_attempts(second) == SUCCEEDED


def test_restart_during_the_call_loses_no_result(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """The verdict waits for Postgres to come back, for as long as a restart takes."""
    effect = EffectFactory.create()
    starting = threading.Timer(1.5, postgres.start)

    def call() -> None:
        crash(postgres)
        starting.start()

    calls.append(call)
    work_off("crm")
    starting.join()
    assert list_attempts(effect) == SUCCEEDED


def test_answer_that_is_lost_after_the_commit_does_not_make_a_result_late(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """Recording again finds that it was recorded, and says nothing else of the attempt."""
    effect = EffectFactory.create()
    calls.append(lambda: None)
    lost = OperationalError("the connection was lost")
    with fail_statements("UPDATE webhooks_attempt", lost, afterwards=True), read_log() as log:
        work_off("crm")
    assert list_attempts(effect) == SUCCEEDED
    assert '"outcome":"succeeded"' in log.getvalue().replace(" ", "")
    assert postgres.is_running()


@pytest.mark.usefixtures("postgres")
def test_time_limit_that_ends_while_the_result_is_recorded_does_not_lose_it(
    calls: list[Callable[[], object]],
) -> None:
    """The vendor has answered in time, however long Postgres took."""
    effect = EffectFactory.create()
    calls.append(lambda: None)
    with fail_statements("UPDATE webhooks_attempt", SoftTimeLimitExceeded()):
        work_off("crm")
    assert list_attempts(effect) == SUCCEEDED


def test_time_limit_that_ends_while_postgres_is_asked_does_not_lose_the_result(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """The recording that it interrupts waits for a lock, and the server goes on waiting."""
    effect = EffectFactory.create()
    with psycopg.connect(conninfo(postgres.url)) as other:
        calls.append(
            lambda: other.execute(
                "SELECT FROM webhooks_effect WHERE id = %s FOR UPDATE", [effect.pk]
            )
        )
        releasing = threading.Timer(1.5, other.rollback)
        releasing.start()
        with time_limit(1):
            work_off("crm")
        releasing.join()
    assert list_attempts(effect) == SUCCEEDED


def test_server_that_can_only_be_read_is_an_outage(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """Its worker says so in one line, and works as soon as there is one that can be written."""
    effect = EffectFactory.create()
    connection.close()
    calls.append(lambda: None)
    with pytest.MonkeyPatch.context() as patched, only_read(postgres.url), read_log() as log:
        # Behind PgBouncer any will do, so that it is the claim that is refused.
        patched.setitem(connection.settings_dict["OPTIONS"], "target_session_attrs", "any")
        work_off("crm")
        work_off_events()
        assert log.getvalue().count("work_interrupted") == 2
        assert "Traceback" not in log.getvalue()
        Effect.objects.exists()  # a connection of the read-only server's, to be replaced
    work_off("crm")
    assert list_attempts(effect) == SUCCEEDED


def test_worker_that_finds_no_postgres_says_so_in_one_line(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]]
) -> None:
    """No traceback, no exception, no attempt; and the same process works when it is back."""
    effect = EffectFactory.create()
    crash(postgres)
    with read_log() as log:
        work_off("crm")
    postgres.start()
    assert log.getvalue().count("work_interrupted") == 1
    assert "Traceback" not in log.getvalue()
    calls.append(lambda: None)
    work_off("crm")
    assert list_attempts(effect) == SUCCEEDED


def test_result_that_nobody_can_take_ends_the_task_in_one_line(
    postgres: EmbeddedPostgres, calls: list[Callable[[], object]], settings: Settings
) -> None:
    """Where Postgres stays away, the effect is run again after its lease."""
    settings.WEBHOOKS_RESULT_PATIENCE = timedelta(seconds=1)
    effect = EffectFactory.create()
    calls.append(lambda: crash(postgres))
    started = time.monotonic()
    with read_log() as log:
        work_off("crm")
    assert time.monotonic() - started < 10
    postgres.start()
    assert log.getvalue().count("work_interrupted") == 1
    assert "Traceback" not in log.getvalue()
    assert list_attempts(effect) == [(1, "running", "", "")]
