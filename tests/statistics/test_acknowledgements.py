"""Each answer that was measured is counted, in whichever thread and process it was given."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx
import pytest
from django.db import connection
from django.db.models import Sum

from tests.databases import django_on, sibling_url
from tests.ingest.door import SECRET
from tests.processes import BASE_DIR, start_receiver
from tests.signing import build_event, sign_as_sender
from webhooks.models import AcknowledgementCount, Source
from webhooks.statistics import acknowledgements as measuring
from webhooks.statistics.acknowledgements import Acknowledgements
from webhooks.statistics.latency import STEPS

pytestmark = pytest.mark.usefixtures("own_database")

PROCESS = """
import django; django.setup()
from webhooks.statistics import acknowledgements
for number in range(200):
    acknowledgements.note_answer(202, number / 1000)
acknowledgements.acknowledgements.close(timeout=20)
"""


def read_counts() -> dict[tuple[str, int], int]:
    """Return what is counted, whenever it was."""
    rows = AcknowledgementCount.objects.values_list("answer", "at_most_ms")
    return {(answer, step): n for answer, step, n in rows.annotate(Sum("count")).order_by()}


def test_every_answer_of_many_threads_is_counted() -> None:
    """While another thread adds them over and over."""
    measured = Acknowledgements(interval=0.01)

    def answer() -> None:
        for step in (1, 3, 80) * 500:
            measured.note(202, step / 1000)

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured.close(timeout=20)
    assert read_counts() == {("taken", step): 2000 for step in (1, 3, 80)}


def test_processes_add_to_the_same_counts(own_database: str) -> None:
    """Three at once, and each when it ends."""
    environment = os.environ | {"DATABASE_URL": own_database}
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, cwd=BASE_DIR)
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    expected = Counter(
        ("taken", next(step for step in STEPS if number <= step)) for number in range(200)
    )
    assert read_counts() == {key: 3 * count for key, count in expected.items()}


def test_only_what_is_taken_or_put_off_is_counted() -> None:
    """Anybody could make the receiver look quick by being turned away."""
    measured = Acknowledgements(interval=0.01)
    for status in (200, 202, 400, 401, 404, 405, 413, 503):
        measured.note(status, 0.004)
    measured.close(timeout=20)
    assert read_counts() == {("taken", 5): 2, ("put_off", 5): 1}


def test_what_postgres_does_not_take_is_kept_and_added_once() -> None:
    """It is not lost with an outage, nor doubled by it."""
    measured = Acknowledgements(interval=3600)
    measured.note(202, 0.001)
    with django_on(sibling_url("is_not_there")):
        assert not measured.add()
        measured.note(202, 0.001)
        assert not measured.add()
    assert measured.add()
    assert measured.add()
    assert read_counts() == {("taken", 1): 2}
    measured.close(timeout=5)


def test_what_is_kept_is_bounded_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a long outage times blur, and counts do not."""
    monkeypatch.setattr(measuring, "SLOT", 0.01)
    monkeypatch.setattr(measuring, "MOST_SLOTS", 3)
    measured = Acknowledgements(interval=3600)
    for _ in range(8):
        measured.note(202, 0.001)
        time.sleep(0.02)
    assert len(measured._slots) <= 3  # noqa: SLF001 -- what is bounded
    assert measured.add()
    assert read_counts() == {("taken", 1): 8}
    measured.close(timeout=5)


def test_nobody_waits_for_postgres_to_be_measured(own_database: str) -> None:  # noqa: ARG001 -- a lock
    """Not even while the counts themselves are locked."""
    measured = Acknowledgements(interval=0.01)
    measured.note(202, 0.001)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE webhooks_acknowledgementcount IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        for _ in range(1000):
            measured.note(202, 0.001)
        took = time.monotonic() - began
        time.sleep(0.2)
        cursor.execute("COMMIT")
    assert took < 0.5
    measured.close(timeout=20)
    assert read_counts() == {("taken", 1): 1001}


def test_receiver_that_ends_counts_what_it_has_measured(own_database: str) -> None:
    """SIGTERM right after the last acknowledgement loses none."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    with start_receiver(own_database) as receiver:
        for number in range(5):
            body = build_event()
            headers = sign_as_sender(body, SECRET if number else "another")
            answer = httpx.post(
                f"{receiver.url}/webhooks/demo/", content=body, headers=headers, timeout=20
            )
            assert answer.status_code == (202 if number else 401)
        receiver.process.terminate()
        assert receiver.process.wait(20) == 0
    assert sum(read_counts().values()) == 4
