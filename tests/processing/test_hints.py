"""Hints name a kind of work and no row, and no more of them wait than are of use."""

import base64
import json
import time
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from celery import current_app
from kombu import Connection
from pytest_django import Settings

from integrations.kinds import REQUESTS
from tests.databases import conninfo
from tests.factories import EffectFactory
from tests.operations.brokers import broker_in
from tests.processes import find_free_port
from tests.processing.integration import bind_memory
from tests.processing.logs import read_log
from tests.processing.outages import ADDRESSES, OUTAGES, break_broker, broker_on
from tests.processing.servers import BROKERS, use_broker, wait_for_hints
from webhooks.processing import hints as hinting
from webhooks.processing.batches import BATCH
from webhooks.processing.concurrency import FAN_OUT
from webhooks.processing.hints import (
    TASKS,
    Gathered,
    Work,
    hand_on,
    send_hints,
)


@pytest.fixture(autouse=True)
def _memory(settings: Settings) -> None:
    bind_memory(settings)


def read_messages(database_url: str, queue: str) -> list[dict[str, Any]]:
    """Return the tasks that wait in the queue, with their headers and arguments."""
    with psycopg.connect(conninfo(database_url)) as connection:
        rows = connection.execute(
            f'SELECT message FROM pgmq."q_switchboard_{queue}" ORDER BY msg_id'  # noqa: S608 -- the test's own word
        ).fetchall()
    return [
        message["headers"] | {"arguments": json.loads(base64.b64decode(message["body"]))[:2]}
        for (message,) in rows
    ]


def test_hints_go_to_a_queue_for_each_kind_of_work_and_name_no_row(own_database: str) -> None:
    """Each kind of work has a queue, so that none waits for another."""
    with broker_in(own_database):
        assert send_hints(dict.fromkeys(TASKS, 1)) == len(TASKS)
    for work, task in TASKS.items():
        (message,) = read_messages(own_database, work)
        assert message["task"] == task
        assert message["arguments"] == [[], {}]


@pytest.mark.parametrize(
    ("events", "hints"),
    [(0, 0), (1, 1), (BATCH, 1), (BATCH + 1, 2), (1_000_000, FAN_OUT)],
)
def test_hint_at_events_stands_for_a_batch(own_database: str, events: int, hints: int) -> None:
    """As many are sent as could be heeded at once; workers go on by themselves."""
    with broker_in(own_database):
        assert send_hints({"events": events}) == hints
    assert len(read_messages(own_database, "events")) == hints


def test_hints_are_no_more_than_could_be_worked_on(own_database: str, settings: Settings) -> None:
    """By the integration's own limit where it has one; for nothing there is none."""
    with broker_in(own_database):
        send_hints({"crm": 3, "usage": 100, "tickets": 0})
        bind_memory(settings, CONCURRENCY=2)
        send_hints({"tasks": 100})
    found = {alias: len(read_messages(own_database, alias)) for alias in REQUESTS}
    assert found == {"crm": 3, "usage": FAN_OUT, "tickets": 0, "tasks": 2}


def test_backend_that_cannot_be_built_is_hinted_at_all_the_same(
    own_database: str, settings: Settings
) -> None:
    """Its effects' attempts are what shows the mistake."""
    settings.INTEGRATIONS = {}
    with broker_in(own_database):
        send_hints({"crm": 1})
    assert len(read_messages(own_database, "crm")) == 1


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("work", ["events", "crm"])
def test_hint_that_waits_stands_for_what_is_due_by_now(
    own_database: str, broker: str, work: Work
) -> None:
    """Only what is missing is sent, so hints do not pile up where nobody takes them."""
    rows = 3 * BATCH if work == "events" else 3
    with use_broker(broker, own_database):
        assert send_hints({work: 1}) == 1
        wait_for_hints(work, 1)
        assert send_hints({work: rows}) == 2
        wait_for_hints(work, 3)
        assert send_hints({work: rows}) == 0
        assert send_hints({work: 1}) == 0


@pytest.mark.parametrize("broker", BROKERS)
def test_hint_that_a_worker_has_fetched_keeps_none_from_being_sent(
    own_database: str, broker: str
) -> None:
    """Whoever holds it may be busy with another, or dead, while others have nothing to do."""
    with use_broker(broker, own_database):
        assert send_hints({"crm": 2}) == 2
        wait_for_hints("crm", 2)
        with current_app.connection_for_write() as worker:
            queue = current_app.amqp.queues["crm"].bind(worker.default_channel)
            assert queue.get() is not None
            wait_for_hints("crm", 1)
            assert send_hints({"crm": 2}) == 1
            wait_for_hints("crm", 2)


def test_hint_has_no_time_after_which_it_is_worth_nothing(own_database: str) -> None:
    """A worker heeds it whatever its own clock says, and those of others."""
    with broker_in(own_database):
        send_hints(dict.fromkeys(TASKS, 1))
    for work in TASKS:
        (message,) = read_messages(own_database, work)
        assert message["expires"] is None
        assert message["eta"] is None


@pytest.mark.parametrize("broker", BROKERS)
def test_asking_what_waits_opens_no_connection(own_database: str, broker: str) -> None:
    """It goes over the one that publishes, which stays open from one time to the next."""
    opened: list[object] = []
    open_one = Connection._establish_connection  # noqa: SLF001 -- kombu's one way to open one

    def count(connection: Connection) -> object:
        opened.append(connection)
        return open_one(connection)

    with use_broker(broker, own_database), patch.object(Connection, "_establish_connection", count):
        for rows in range(1, 5):
            send_hints({"crm": rows, "events": rows})
    assert len(opened) == 1


def test_task_hands_on_its_first_effects_at_once_and_then_gathers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Later hints are one at a time, where none waits: another worker is called if one is idle."""
    sent: list[dict[str, int]] = []
    monkeypatch.setattr(hinting, "hand_on", lambda due: sent.append(dict(due)))
    monkeypatch.setattr(hinting, "GATHER", 0.2)
    planned = Gathered()
    planned.add([])
    for _ in range(3):
        planned.add([EffectFactory.build(), EffectFactory.build(integration="usage")])
    assert sent == [{"crm": 1, "usage": 1}]
    time.sleep(0.3)
    planned.add([EffectFactory.build()])
    assert sent[1:] == [{"crm": 1, "usage": 1}]
    planned.add([EffectFactory.build()])
    planned.hand_on()
    planned.hand_on()
    assert sent[2:] == [{"crm": 1}]


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address[:4])
def test_task_does_not_fail_with_its_broker(address: str, outage: str) -> None:
    """A worker that cannot hand effects on goes on within the time limits, and says so."""
    port = find_free_port()
    with break_broker(outage, port), broker_on(address, port), read_log() as log:
        started = time.monotonic()
        hand_on({"crm": 1, "usage": 2})
        assert time.monotonic() - started < 30
    assert "hint_not_published" in log.getvalue()
