"""Hints reach the broker in few messages, and a broker that fails holds nothing up."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.databases import conninfo
from tests.operations.brokers import broker_in
from tests.processes import BASE_DIR, build_environment, find_free_port
from tests.processing.logs import read_log
from tests.processing.outages import ADDRESSES, OUTAGES, break_broker, broker_on
from tests.processing.servers import count_hints, hang, run_redis
from webhooks.processing.batches import BATCH
from webhooks.processing.concurrency import FAN_OUT
from webhooks.processing.dispatch import Publisher
from webhooks.processing.hints import GATHER

AT_ONCE = 1.5
"""Seconds; below any broker's time limit, far above what a thousand appends take."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """Give a publisher that ends with the test."""
    made = Publisher(longest_pause=0.5)
    yield made
    made.close(20)


def test_many_events_are_hinted_at_by_few_messages(own_database: str, publisher: Publisher) -> None:
    """Under load one message stands for many events, and no more are sent than are of use."""
    with broker_in(own_database):
        for _ in range(100 * BATCH):
            publisher.hand_over()
        publisher.close(20)
    assert count_hints(own_database, "events") == FAN_OUT


def test_single_event_is_published_at_once(own_database: str, publisher: Publisher) -> None:
    """An event does not wait for others to keep it company."""
    with broker_in(own_database):
        publisher.hand_over()
        wait_for_messages(own_database, 1)  # opens the connection
        assert take_messages(own_database) == 1
        time.sleep(2 * GATHER)
        started = time.monotonic()
        publisher.hand_over()
        wait_for_messages(own_database, 1)
        assert time.monotonic() - started < AT_ONCE


def test_one_publication_stands_for_all_that_came_meanwhile(
    own_database: str, publisher: Publisher
) -> None:
    """However many requests come in a second, a process publishes about ten times."""
    with broker_in(own_database):
        taken = 0
        started = time.monotonic()
        while time.monotonic() - started < 10 * GATHER:
            publisher.hand_over()
            taken += take_messages(own_database)
        publisher.close(20)
    assert 2 <= taken + count_hints(own_database, "events") <= 12


def test_hint_that_waits_stands_for_the_events_that_come(
    own_database: str, publisher: Publisher
) -> None:
    """With workers busy or away no second one is sent at the same batch."""
    with broker_in(own_database):
        for _ in range(4):
            publisher.hand_over()
            time.sleep(1.5 * GATHER)
        publisher.close(20)
    assert count_hints(own_database, "events") == 1


def wait_for_messages(database_url: str, count: int) -> None:
    """Return once there are so many messages."""
    deadline = time.monotonic() + 10
    while count_hints(database_url, "events") < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def take_messages(database_url: str) -> int:
    """Take what waits, as workers do; return how many it was."""
    with psycopg.connect(conninfo(database_url)) as connection:
        ((count,),) = connection.execute("SELECT pgmq.purge_queue('switchboard_events')")
    return int(count)


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address[:4])
def test_handing_over_never_waits_for_a_broken_broker(address: str, outage: str) -> None:
    """With the broker away or hanging it returns at once, however many events there are."""
    port = find_free_port()
    publisher = Publisher()
    with break_broker(outage, port), broker_on(address, port), read_log() as log:
        started = time.monotonic()
        for _ in range(1000):
            publisher.hand_over()
        assert time.monotonic() - started < AT_ONCE
        publisher.close(0)
        wait_for_its_end(publisher)
    assert "hint_not_published" in log.getvalue()


def wait_for_its_end(publisher: Publisher) -> None:
    """Return once the closed publisher's thread has ended, so that it meets no other's broker."""
    thread = publisher._thread  # noqa: SLF001 -- a broken broker has it outlive `close`
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("outage", OUTAGES)
def test_publisher_recovers_when_the_broker_is_back(outage: str, publisher: Publisher) -> None:
    """What was handed over before and during an outage is published, without anybody's help."""
    port = find_free_port()
    with broker_on(ADDRESSES[0], port):
        with break_broker(outage, port), read_log() as log:
            publisher.hand_over()
            deadline = time.monotonic() + 30
            while "hint_not_published" not in log.getvalue():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with run_redis(port) as url, redis.Redis.from_url(url) as client:
            deadline = time.monotonic() + 30
            while not client.llen("switchboard:events"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            publisher.close(20)


def test_closing_publishes_what_waits(own_database: str, publisher: Publisher) -> None:
    """A process that ends in order leaves nothing behind for the sweep."""
    with broker_in(own_database):
        for _ in range(3 * BATCH):
            publisher.hand_over()
        publisher.close(20)
        assert 3 <= count_hints(own_database, "events") <= 4
    wait_for_its_end(publisher)


def test_closing_waits_no_longer_than_it_is_given() -> None:
    """A broken broker does not hold up the end of a process."""
    port = find_free_port()
    publisher = Publisher()
    with hang(port), broker_on(ADDRESSES[0], port):
        publisher.hand_over()
        started = time.monotonic()
        publisher.close(0.2)
        assert time.monotonic() - started < 0.2 + AT_ONCE
        wait_for_its_end(publisher)


def test_closing_what_was_never_used_is_no_error() -> None:
    """A process that received nothing has nothing to end."""
    Publisher().close(1)


FORK = """
import os
import django
django.setup()
from webhooks.processing import dispatch
from webhooks.processing.batches import BATCH
dispatch.hand_over()
parents = dispatch.publisher
with parents._wake:  # as a request that hands over at the moment of the fork
    child = os.fork()
for _ in range(1 if child else 6 * BATCH):
    dispatch.hand_over()
assert (dispatch.publisher is parents) == bool(child)
dispatch.publisher.close(20)
assert not dispatch.publisher._waiting  # all are hinted at
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_forked_process_publishes_by_itself(own_database: str, tmp_path: Path) -> None:
    """A child has a publisher of its own, even if the parent's was locked at the fork."""
    environment = build_environment(own_database, tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The parent's own are one batch at most.
    assert 3 <= count_hints(own_database, "events") <= FAN_OUT
