"""What the health checks say while things are as they should be, and while they are not."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.databases import only_read
from tests.operations.brokers import broker_at, broker_in, no_broker
from webhooks.operations import broker, health
from webhooks.operations.broker import BrokerProbe


@pytest.fixture(autouse=True)
def _fresh_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was found of the broker before."""
    monkeypatch.setattr(health, "broker_probe", BrokerProbe())


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """Return a port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_health_asks_nothing_of_the_database(
    client: Client,
) -> None:
    """The process is up, whatever else is not: this test may not use a database."""
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_all_is_well(own_database: str, client: Client) -> None:
    """Every check is named with what it found."""
    with broker_in(own_database):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"postgres": "ok", "migrations": "ok", "broker": "ok"},
    }


def test_a_missing_migration_is_not_ready(own_database: str, client: Client) -> None:  # noqa: ARG001
    """New code on an old database takes no deliveries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)"
        )
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] == "1 unapplied"


@pytest.mark.django_db
def test_a_broker_that_refuses_is_reported_and_not_fatal(client: Client) -> None:
    """Acknowledgements need Postgres and nothing else."""
    with no_broker():
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"]["broker"] == "unreachable"


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_hangs_holds_nothing_up(
    client: Client, hanging_port: int, scheme: str
) -> None:
    """The answer comes within the limit, and the next one sooner."""
    limits = {"socket_connect_timeout": 3, "socket_timeout": 3, "connect_timeout": 3}
    with broker_at(f"{scheme}://127.0.0.1:{hanging_port}", limits):
        started = time.monotonic()
        first = client.get("/readyz")
        middle = time.monotonic()
        second = client.get("/readyz")
        end = time.monotonic()
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["checks"]["broker"] == "no answer"
    assert second.json()["checks"]["broker"] == "no answer"
    assert middle - started < broker.PATIENCE + 1
    assert end - middle < 0.5


def test_postgres_that_refuses_is_not_ready(own_database: str, client: Client) -> None:  # noqa: ARG001
    """The answer is 503 and says which check failed, in no more than a word."""
    host = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        response = client.get("/readyz")
    finally:
        connection.close()
        connection.settings_dict["HOST"] = host
    assert response.status_code == 503
    assert response.json()["checks"]["postgres"] == "no answer"
    assert "nowhere" not in response.content.decode()


def test_postgres_that_hangs_is_not_ready_before_long(
    own_database: str,  # noqa: ARG001
    client: Client,
    hanging_port: int,
) -> None:
    """A listener that never answers costs the connect timeout, not a worker thread for ever."""
    settings = connection.settings_dict
    before = {name: settings[name] for name in ("HOST", "PORT", "OPTIONS")}
    connection.close()
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "port"}
    settings.update({"HOST": "127.0.0.1", "PORT": str(hanging_port), "OPTIONS": options})
    started = time.monotonic()
    try:
        response = client.get("/readyz")
    finally:
        connection.close()
        settings.update(before)
    assert response.status_code == 503
    assert time.monotonic() - started < 8


def test_a_connection_that_postgres_has_closed_is_no_outage(
    own_database: str,  # noqa: ARG001
    client: Client,
) -> None:
    """After a restart of Postgres the first probe finds it well."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("sessions", "found"), [("read-write", "no answer"), ("any", "read-only")])
def test_postgres_that_can_only_be_read_is_not_ready(
    own_database: str, client: Client, sessions: str, found: str
) -> None:
    """It answers every question, and takes no delivery; when it does again, this one is ready."""
    connection.close()
    with pytest.MonkeyPatch.context() as patched, only_read(own_database):
        # Behind PgBouncer any will do.
        patched.setitem(connection.settings_dict["OPTIONS"], "target_session_attrs", sessions)
        response = client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["postgres"]) == (503, found)
    assert client.get("/readyz").status_code == 200


def test_session_that_can_only_read_is_replaced(own_database: str, client: Client) -> None:  # noqa: ARG001
    """The server is well by now, so the receiver is ready without being started anew."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_readiness_costs_three_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Probes come every few seconds from every machine."""
    with no_broker(), django_assert_max_num_queries(3):
        client.get("/readyz")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_only_read(client: Client, path: str) -> None:
    """A POST changes nothing and is told so; nothing may keep an answer."""
    assert client.post(path).status_code == 405


def test_the_broker_is_asked_once_however_many_want_to_know() -> None:
    """Threads that ask at the same time share an answer, and so do those that come soon after."""
    asked = []

    def connect() -> None:
        asked.append(1)
        time.sleep(0.1)

    probe = BrokerProbe(connect)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(probe.look())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert probe.look() == "ok"
    assert (found, len(asked)) == (["ok"] * 10, 1)


def test_the_broker_is_asked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is back is reported as back."""
    monkeypatch.setattr(broker, "LIFETIME", 0.01)
    answers = iter([ConnectionRefusedError(), None])

    def connect() -> None:
        error = next(answers)
        if error:
            raise error

    probe = BrokerProbe(connect)
    assert probe.look() == "unreachable"
    time.sleep(0.02)
    assert probe.look() == "ok"
