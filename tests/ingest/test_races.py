"""Deliveries of one event that arrive at the same time, over connections of their own."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection

from tests.databases import conninfo
from tests.ingest.door import SECRET, Answer, Door
from tests.signing import build_event
from webhooks.models import Delivery, Event, RejectionCount, Source

ROUNDS = 40


@pytest.fixture
def door(own_database: str) -> Door:
    """Return the door of a source in a database with real transactions."""
    assert own_database
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    return Door()


@pytest.fixture
def together() -> Iterator[Callable[..., list[Answer]]]:
    """Return what has several senders post their bodies at the same moment."""
    with ThreadPoolExecutor(4) as pool:

        def send(door: Door, *bodies: bytes) -> list[Answer]:
            barrier = threading.Barrier(len(bodies))

            def send_one(body: bytes) -> Answer:
                barrier.wait(timeout=30)
                return Door(door.slug, door.secret).send_signed(body)

            return list(pool.map(send_one, bodies))

        yield send
        everyone = threading.Barrier(4)

        def close() -> None:
            everyone.wait(timeout=30)  # or one thread would do this four times
            connection.close()

        for closed in [pool.submit(close) for _ in range(4)]:
            closed.result()


def test_same_body_at_once(door: Door, together: Callable[..., list[Answer]]) -> None:
    """Of four deliveries at once exactly one is accepted, and the others are duplicates."""
    for _ in range(ROUNDS):
        answers = together(door, *[build_event(event_id=str(uuid.uuid4()))] * 4)
        outcomes = Counter(answer.outcome for answer in answers)
        assert outcomes == {(202, "accepted"): 1, (200, "duplicate"): 3}
    assert Event.objects.count() == ROUNDS
    assert Delivery.objects.count() == 4 * ROUNDS


def test_other_bodies_at_once(door: Door, together: Callable[..., list[Answer]]) -> None:
    """Of four different bodies at once one is accepted, the others conflict, the first is kept."""
    for _ in range(ROUNDS):
        body = build_event(event_id=str(uuid.uuid4()))
        bodies = [body + b" " * number for number in range(4)]
        answers = together(door, *bodies)
        outcomes = Counter(answer.outcome for answer in answers)
        assert outcomes == {(202, "accepted"): 1, (200, "conflict"): 3}
        accepted = [answer.status for answer in answers].index(202)
        assert bytes(Event.objects.latest("id").body or b"") == bodies[accepted]
    assert Event.objects.count() == ROUNDS


def test_crossing_events_do_not_deadlock(door: Door, together: Callable[..., list[Answer]]) -> None:
    """Several events, each sent from several sides in another order, are each accepted once."""
    for _ in range(ROUNDS // 4):
        events = [build_event(event_id=str(uuid.uuid4())) for _ in range(4)]
        seen = []
        for shift in range(4):
            seen += together(door, *(events[shift:] + events[:shift]))
        assert Counter(answer.status for answer in seen) == {202: 4, 200: 12}


def test_rejections_at_once_are_all_counted(
    door: Door, together: Callable[..., list[Answer]]
) -> None:
    """Forgeries at once, each a 401, lose no count."""
    guess = Door(door.slug, "guessed")
    for _ in range(ROUNDS // 2):
        assert {answer.status for answer in together(guess, *[b"{}"] * 4)} == {401}
    assert RejectionCount.objects.get().count == 2 * ROUNDS


@pytest.mark.parametrize(
    ("commits", "same_body", "outcome"),
    [
        (True, True, (200, "duplicate")),
        (True, False, (200, "conflict")),
        (False, True, (202, "accepted")),
    ],
)
def test_slow_first_transaction_decides(
    door: Door, own_database: str, *, commits: bool, same_body: bool, outcome: tuple[int, str]
) -> None:
    """A delivery waits for the one that came first: whether there is an event is then certain."""
    body = build_event(event_id=str(uuid.uuid4()))
    door.send_signed(body)
    with psycopg.connect(conninfo(own_database)) as slow, ThreadPoolExecutor(1) as pool:
        slow.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM webhooks_event")
        slow.execute("DELETE FROM webhooks_delivery")
        slow.execute("DELETE FROM webhooks_event")
        slow.commit()
        slow.execute("INSERT INTO webhooks_event OVERRIDING SYSTEM VALUE SELECT * FROM kept")

        def send() -> Answer:
            try:
                return door.send_signed(body if same_body else body + b" ")
            finally:
                connection.close()

        answer = pool.submit(send)
        wait_until_blocked(own_database)
        assert not answer.done()
        if commits:
            slow.commit()
        else:
            slow.rollback()
        assert answer.result(timeout=30).outcome == outcome
    assert Event.objects.count() == 1


def wait_until_blocked(url: str) -> None:
    """Return once a connection waits for another one's transaction."""
    with psycopg.connect(conninfo(url), autocommit=True) as watcher:
        for _ in range(1000):
            row = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
            ).fetchone()
            if row is not None and row[0]:
                return
            watcher.execute("SELECT pg_sleep(0.01)")
    pytest.fail("nobody waits for the first transaction")
