"""Postgres that is away, hangs, is locked or full: 503 in time, and 202 as soon as it is back."""

import itertools
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from django.db import connection
from psycopg import sql
from pytest_django import DjangoDbBlocker, Settings

from config.embedded import EmbeddedPostgres
from tests.databases import conninfo, django_on, migrate
from tests.ingest.door import SECRET, Answer, Door
from tests.processes import Receiver, start_receiver
from tests.signing import build_event, sign_as_sender
from webhooks.ingest import recorder
from webhooks.ingest.sources import subscriptions
from webhooks.models import Delivery, Event, SigningSecret, Source

LIMIT = 0.5
"""Seconds that recording may take here."""
SOON = LIMIT + 4.5
"""Seconds that no answer takes longer than, on a machine that is busy with other tests."""


@pytest.fixture
def door(own_database: str, settings: Settings) -> Door:
    """Return the door of a source that has been used: its source and connection are at hand."""
    assert own_database
    settings.WEBHOOKS_RECORD_TIMEOUT = timedelta(seconds=LIMIT)
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    door = Door()
    assert door.send_signed(build_event()).status == 202
    return door


@contextmanager
def other_connection(url: str) -> Iterator[psycopg.Connection]:
    """Open another connection; its transaction ends with the block, undone."""
    other = psycopg.connect(conninfo(url))
    with closing(other):
        yield other


def send_timed(door: Door, body: bytes | None = None) -> Answer:
    """Send an event, and assert that the answer came soon."""
    started = time.monotonic()
    answer = door.send_signed(build_event() if body is None else body)
    assert time.monotonic() - started < SOON
    return answer


def assert_try_again(answer: Answer) -> None:
    """Assert that the sender is told to come back."""
    assert answer.status == 503
    assert answer.content == {"status": "rejected", "reason": "try_again_later"}
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize("table", ["webhooks_event", "webhooks_delivery", "webhooks_source"])
def test_locked_table(door: Door, own_database: str, table: str) -> None:
    """While somebody has a table locked the answer is 503 in time, and 202 afterwards."""
    subscriptions.clear()
    with other_connection(own_database) as other:
        other.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(table)))
        assert_try_again(send_timed(door))
        assert_try_again(send_timed(door))
    assert send_timed(door).status == 202
    assert connection.settings_dict["OPTIONS"]["reply_timeout"] > SOON  # not what ended the wait


def test_statement_that_was_given_up_ends(door: Door, own_database: str) -> None:
    """What was answered 503 neither goes on waiting in Postgres, nor is recorded later."""
    with other_connection(own_database) as other:
        other.execute("LOCK TABLE webhooks_event")
        assert_try_again(send_timed(door))
        deadline = time.monotonic() + 20
        while count_waiting(own_database):
            assert time.monotonic() < deadline, "the statement is still waiting for the lock"
            time.sleep(0.1)
    connection.close()  # as Django does after each request
    assert Event.objects.count() == 1


def count_waiting(url: str) -> int:
    """Return how many statements wait for a lock."""
    with psycopg.connect(conninfo(url)) as watcher:
        row = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_locked_counter_does_not_spare_a_forger(door: Door, own_database: str) -> None:
    """A forgery stays a 401 where it cannot be counted."""
    forger = replace(door, secret="guessed")
    with other_connection(own_database) as other:
        other.execute("LOCK TABLE webhooks_rejectioncount")
        assert send_timed(forger).status == 401


def test_secret_that_is_being_retired_holds_nobody_up(
    door: Door, own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the delivery nor the note of the secret's use waits for who changes the secret."""
    SigningSecret.objects.update(last_used_at=None)
    monkeypatch.setattr(recorder, "secret_use", recorder.SecretUse())
    with other_connection(own_database) as other:
        other.execute("UPDATE webhooks_signingsecret SET retired_at = now()")
        started = time.monotonic()
        assert door.send_signed(build_event()).status == 202
        assert time.monotonic() - started < LIMIT


def terminate_backends(url: str) -> None:
    """Cut every other connection to the database, as an administrator or a failover does."""
    with psycopg.connect(conninfo(url)) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("source_is_known", [True, False])
def test_connection_that_was_cut_is_replaced(
    door: Door, own_database: str, *, source_is_known: bool
) -> None:
    """A connection that died between two requests costs the second one nothing."""
    for _ in range(3):
        if not source_is_known:
            subscriptions.clear()
        terminate_backends(own_database)
        assert send_timed(door).status == 202
    assert Event.objects.count() == 4


def test_connection_that_is_cut_meanwhile_is_replaced(door: Door, own_database: str) -> None:
    """A connection that dies under the statement costs the request no more than another try."""
    with other_connection(own_database) as other, ThreadPoolExecutor(1) as pool:
        other.execute("LOCK TABLE webhooks_event")

        def send() -> list[Answer]:
            try:
                # The first opens this thread's connection: only one that has been used is retried.
                return [door.send(b"{}"), send_timed(door)]
            finally:
                connection.close()

        answers = pool.submit(send)
        deadline = time.monotonic() + SOON
        while not count_waiting(own_database):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        other.rollback()
        assert [answer.status for answer in answers.result(30)] == [401, 202]
    connection.close()
    assert Event.objects.count() == 2


def test_secret_that_was_deleted(door: Door, own_database: str) -> None:
    """A secret that is gone while a process remembers it: sent again, then refused; never a 500."""
    assert own_database
    Delivery.objects.all().delete()
    SigningSecret.objects.all().delete()
    assert_try_again(door.send_signed(build_event()))
    subscriptions.clear()
    assert door.send_signed(build_event()).status == 401


def test_full_server(own_database: str, settings: Settings) -> None:
    """At its limit of connections, Postgres refuses us, and we the sender: until there is room."""
    settings.WEBHOOKS_RECORD_TIMEOUT = timedelta(seconds=LIMIT)
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    role = f"receiver_{os.getpid()}"
    user = sql.Identifier(role)
    with psycopg.connect(conninfo(own_database), autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 0").format(user))
        server.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(user))
        server.execute(sql.SQL("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {}").format(user))
        try:
            with django_on(own_database):
                connection.settings_dict["USER"] = role
                assert_try_again(send_timed(Door()))
                server.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 1").format(user))
                assert send_timed(Door()).status == 202
        finally:
            server.execute(sql.SQL("DROP OWNED BY {}").format(user))
            server.execute(sql.SQL("DROP ROLE {}").format(user))


class OwnPostgres:
    """A Postgres server of the test's own, to be stopped and frozen."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder / "postgres", durable=False)
        self.server.start()
        self.url = self.server.url

    def find_processes(self) -> list[int]:
        """Return the process ids of the server and of everything that it started."""
        (first, *_) = (self.server.folder / "postmaster.pid").read_text().split()
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [int(first), *map(int, children)]

    def freeze(self) -> None:
        """Stop the server from doing anything, as a machine that swaps or a dead network does."""
        for pid in self.find_processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        for pid in self.find_processes():
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def own_postgres(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnPostgres]:
    """Return a migrated server with the source `demo`."""
    with tempfile.TemporaryDirectory(prefix="switchboard-own-") as folder:
        postgres = OwnPostgres(Path(folder))
        try:
            with django_db_blocker.unblock():
                migrate(postgres.url)
                with django_on(postgres.url):
                    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
            yield postgres
        finally:
            postgres.server.stop()


@pytest.fixture
def receiver(own_postgres: OwnPostgres, source_cache: str) -> Iterator[Receiver]:
    """Return a receiver on that server, of one process; it has taken an event on each thread."""
    limits = {"WEBHOOKS_RECORD_TIMEOUT": str(LIMIT), "DATABASE_CONNECT_TIMEOUT": "1"}
    limits["WEBHOOKS_SOURCE_CACHE"] = source_cache
    with start_receiver(own_postgres.url, WEB_THREADS="2", **limits) as running:
        for _ in range(4):
            assert post(running).status_code == 202
        yield running
        # It has been one and the same process all along.
        assert running.read_log().count("Booting worker") == 1
        assert "Traceback" not in running.read_log()


# Whether the process has to ask Postgres for the source first.
each_memory = pytest.mark.parametrize("source_cache", ["300", "0.01"], ids=["known", "unknown"])


def post(receiver: Receiver, body: bytes | None = None) -> httpx.Response:
    """Post a signed event over a connection of its own."""
    body = build_event() if body is None else body
    headers = sign_as_sender(body, SECRET)
    return httpx.post(f"{receiver.url}/webhooks/demo/", content=body, headers=headers, timeout=60)


def assert_refused_in_time(receiver: Receiver, body: bytes) -> None:
    """Assert that all threads of the process answer 503 in time, again and again."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            started = time.monotonic()
            for answer in pool.map(post, itertools.repeat(receiver), [body] * 2):
                assert answer.status_code == 503
                assert answer.headers["Retry-After"] == "10"
            # psycopg gives a connection two seconds at least.
            assert time.monotonic() - started < SOON + 2


@each_memory
def test_postgres_down(receiver: Receiver, own_postgres: OwnPostgres) -> None:
    """While Postgres is down the answer is 503, and the same process takes the event afterwards."""
    body = build_event()
    own_postgres.server.stop()
    try:
        assert_refused_in_time(receiver, body)
    finally:
        own_postgres.server.start()
    assert own_postgres.server.url == own_postgres.url
    assert [post(receiver, body).status_code for _ in range(3)] == [202, 200, 200]


@each_memory
def test_postgres_frozen(receiver: Receiver, own_postgres: OwnPostgres) -> None:
    """A Postgres that says nothing is waited for no longer than the limit."""
    body = build_event()
    own_postgres.freeze()
    try:
        assert_refused_in_time(receiver, body)
    finally:
        own_postgres.thaw()
    # What was given up may have been recorded all the same: then it is known now.
    assert post(receiver, body).status_code in {200, 202}
    assert [post(receiver, body).status_code for _ in range(3)] == [200, 200, 200]
    assert post(receiver).status_code == 202
