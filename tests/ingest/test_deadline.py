"""The limit on all waiting for Postgres, on the database engine itself."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import cast

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import Error, InternalError, OperationalError, connection

from tests.databases import only_read
from tests.workers import time_limit
from webhooks.postgres.base import DatabaseWrapper


@pytest.fixture
def engine(own_database: str) -> DatabaseWrapper:
    """Return this thread's connection, to a database with real transactions."""
    assert own_database
    return cast("DatabaseWrapper", connection)


def ask(statement: str) -> object:
    """Return what `statement` does."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def assert_given_up(work: Callable[[], object]) -> None:
    """Assert that `work` is ended by its limit of 0.3 seconds, and well before 10."""
    started = time.monotonic()
    with pytest.raises(OperationalError):
        work()
    assert 0.2 < time.monotonic() - started < 5


def test_answer_in_time_is_returned(engine: DatabaseWrapper) -> None:
    """Within the limit, the limit is not noticed, and it does not outlast the block."""
    assert engine.run_within(0.5, lambda: ask("SELECT 1")) == 1
    assert ask("SELECT 1 FROM pg_sleep(0.6)") == 1


def test_statement_that_takes_too_long(engine: DatabaseWrapper) -> None:
    """A statement is given up at the limit, and its connection with it."""
    ask("SELECT 1")
    assert_given_up(lambda: engine.run_within(0.3, lambda: ask("SELECT 1 FROM pg_sleep(10)")))
    assert engine.connection is not None
    assert engine.connection.closed


def test_limit_is_for_all_statements_together(engine: DatabaseWrapper) -> None:
    """Many short waits are as long as one long one."""
    assert_given_up(
        lambda: engine.run_within(
            0.3, lambda: [ask("SELECT 1 FROM pg_sleep(0.1)") for _ in range(100)]
        )
    )


def test_limit_holds_while_a_connection_is_prepared(
    engine: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a full PgBouncer it is Django's first question on a connection that waits."""
    original = DatabaseWrapper.init_connection_state

    def ask_slowly(self: DatabaseWrapper) -> None:
        assert self.connection is not None
        self.connection.execute("SELECT pg_sleep(10)")
        original(self)

    monkeypatch.setattr(DatabaseWrapper, "init_connection_state", ask_slowly)
    assert_given_up(lambda: engine.run_within(0.3, lambda: ask("SELECT 1")))


def test_mistake_is_not_tried_again(engine: DatabaseWrapper) -> None:
    """Only a connection that died is a reason to ask twice."""
    asked = []

    def ask_wrongly() -> object:
        asked.append(1)
        return ask("SELECT no_such_column")

    ask("SELECT 1")
    with pytest.raises(Error):
        engine.run_within(1, ask_wrongly)
    assert len(asked) == 1
    assert engine.run_within(1, lambda: ask("SELECT 1")) == 1


def test_dead_connection_is_replaced_once(engine: DatabaseWrapper) -> None:
    """A connection that dies again is not replaced for ever."""
    asked = []

    def die() -> object:
        asked.append(1)
        return ask("SELECT pg_terminate_backend(pg_backend_pid())")

    ask("SELECT 1")
    with pytest.raises(OperationalError):
        engine.run_within(5, die)
    assert len(asked) == 2


def test_new_connection_that_dies_is_not_replaced(engine: DatabaseWrapper) -> None:
    """Who has just connected learns of the failure: the server is in trouble, not the session."""
    asked = []

    def die() -> object:
        asked.append(1)
        return ask("SELECT pg_terminate_backend(pg_backend_pid())")

    engine.close()
    with pytest.raises(OperationalError):
        engine.run_within(5, die)
    assert len(asked) == 1


def write() -> object:
    """Write what is there already."""
    return ask("UPDATE django_migrations SET app = app RETURNING 1")


@pytest.mark.parametrize("insist", [False, True])
def test_time_limit_that_ends_during_a_statement_costs_only_that_one(
    engine: DatabaseWrapper, *, insist: bool
) -> None:
    """What is asked next is answered at once, although the server was still at the first."""
    ask("SELECT 1")
    started = time.monotonic()
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.3):
        engine.run_within(10, lambda: ask("SELECT 1 FROM pg_sleep(10)"), insist=insist)
    assert engine.run_within(1, lambda: ask("SELECT 1"), insist=insist) == 1
    assert time.monotonic() - started < 5


def test_limit_ends_with_the_work_on_a_connection_that_was_opened_by_it(
    engine: DatabaseWrapper,
) -> None:
    """What is asked later on that connection has all the time that it needs."""

    def open_another() -> object:
        engine.close()
        return ask("SELECT 1")

    engine.run_within(0.3, open_another)
    assert ask("SELECT 1 FROM pg_sleep(0.5)") == 1


def test_server_that_can_only_be_read_is_not_taken(
    own_database: str, engine: DatabaseWrapper
) -> None:
    """A standby after a failover is an outage, and one that passes."""
    engine.close()
    with only_read(own_database), pytest.raises(OperationalError):
        engine.run_within(1, write)
    assert engine.run_within(1, write) == 1


def test_connection_that_can_only_read_is_replaced(
    own_database: str, engine: DatabaseWrapper
) -> None:
    """Behind PgBouncer one cannot choose, so it is when a write is refused that one learns it."""
    engine.close()
    with pytest.MonkeyPatch.context() as patched, only_read(own_database):
        patched.setitem(engine.settings_dict["OPTIONS"], "target_session_attrs", "any")
        with pytest.raises(InternalError):
            engine.run_within(1, write)
        assert ask("SHOW transaction_read_only") == "on"
    assert engine.run_within(1, write) == 1


def test_who_insists_outlasts_a_server_that_can_only_be_read(
    own_database: str, engine: DatabaseWrapper
) -> None:
    """Each try is on a connection of its own, until one of them can write."""
    engine.close()
    tries = []
    with ExitStack() as stack:
        stack.enter_context(only_read(own_database))

        def write_at_last() -> object:
            tries.append(1)
            if len(tries) == 3:
                stack.close()
            return write()

        patched = stack.enter_context(pytest.MonkeyPatch.context())
        patched.setitem(engine.settings_dict["OPTIONS"], "target_session_attrs", "any")
        assert engine.run_within(10, write_at_last, insist=True) == 1
    assert len(tries) == 4
