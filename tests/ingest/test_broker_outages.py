"""Invariant 3: with the broker away or hanging, acknowledgements stay what they are, and fast."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.ingest.door import SECRET, Door
from tests.processes import find_free_port, start_receiver
from tests.signing import build_event, sign_as_sender
from webhooks.models import Event, Source
from webhooks.processing import dispatch

AT_ONCE = 1.0
"""Seconds; far from what an acknowledgement takes, and far below any broker's time limit."""


@contextmanager
def hanging_server() -> Iterator[int]:
    """Listen on a port, take connections, and never say a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextmanager
def refused_port() -> Iterator[int]:
    """Give a port on which nobody listens."""
    yield find_free_port()


@pytest.mark.parametrize("failure", [refused_port, hanging_server], ids=["refused", "hanging"])
@pytest.mark.parametrize("broker", ["redis://127.0.0.1:{}/0", "amqp://127.0.0.1:{}//", "pgmq"])
def test_broker_outage_changes_no_answer(own_database: str, broker: str, failure: object) -> None:
    """Status codes and time are as ever; the events are pending and due."""
    assert callable(failure)
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    with failure() as port:
        url = broker.format(port)
        if broker == "pgmq":
            url = f"pgmq://postgres@127.0.0.1:{port}/switchboard"
        with start_receiver(own_database, CELERY_BROKER_URL=url) as receiver:

            def post(body: bytes, signature: bytes) -> tuple[int, float]:
                started = time.monotonic()
                answer = client.post(
                    f"{receiver.url}/webhooks/demo/",
                    content=body,
                    headers=sign_as_sender(signature, SECRET),
                )
                return answer.status_code, time.monotonic() - started

            with httpx.Client(timeout=30) as client:
                post(build_event(), b"other")  # opens the connection to Postgres
                for _ in range(10):
                    body = build_event()
                    answers = [post(body, body), post(body, body), post(body, b"other")]
                    assert [status for status, _ in answers] == [202, 200, 401]
                    assert max(seconds for _, seconds in answers) < AT_ONCE
                    time.sleep(0.05)
            assert "Traceback" not in receiver.read_log()
    assert Event.objects.count() == 10
    for event in Event.objects.all():
        assert event.status == Event.Status.PENDING
        assert event.due_at == event.received_at


@pytest.mark.django_db
def test_nothing_raises_after_the_commit(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where not even a thread can be started for the hand-over, the acknowledgement stands."""

    def refuse() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(dispatch.publisher, "hand_over", refuse)
    assert door.send_signed(build_event()).outcome == (202, "accepted")
    assert Event.objects.get().status == Event.Status.PENDING
    assert "event_not_handed_over" in caplog.text
