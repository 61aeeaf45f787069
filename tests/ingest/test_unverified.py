"""Invariant 1: nothing from an unverified body is parsed, stored or logged."""

import io
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from config.logging import build_logging
from tests.factories import SourceFactory
from tests.ingest.door import SECRET, Door
from tests.signing import Headers, build_event, sign_as_sender
from webhooks.models import Conversation, Delivery, Event, RejectionCount, SigningSecret

pytestmark = pytest.mark.django_db

CANARY = "canary-4915112345678"


class Logged:
    """All log lines, written as in production, of every logger."""

    def __init__(self) -> None:
        config: dict[str, Any] = build_logging("json", "DEBUG")
        formatter = dict(config["formatters"]["structlog"])
        self.text = io.StringIO()
        self.handler = logging.StreamHandler(self.text)
        self.handler.setFormatter(formatter.pop("()")(**formatter))


@pytest.fixture
def logged() -> Any:
    """Return what collects every log line of the test."""
    collected = Logged()
    root = logging.getLogger()
    level = root.level
    root.addHandler(collected.handler)
    root.setLevel(logging.DEBUG)
    yield collected
    root.setLevel(level)
    root.removeHandler(collected.handler)


def read_database() -> str:
    """Return all rows of the receiver's tables as text, bytes as the text that they hold."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 -- Django's own tables
            rows += cursor.fetchall()
    return repr([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows])


def forge(reason: str) -> tuple[bytes, Headers]:
    """Return a request full of canaries that is refused for `reason`."""
    body = build_event(
        event_type=f"type-{CANARY}",
        organization_uuid=CANARY,
        organization_name=CANARY,
        data={"conversation_uuid": CANARY, "from_number": CANARY},
    )
    headers = sign_as_sender(body, SECRET) | {"X-Canary": CANARY, "Cookie": CANARY}
    headers |= {"Authorization": f"Bearer {CANARY}", "User-Agent": CANARY}
    headers |= {
        "missing_signature": {"X-Webhook-Signature": ""},
        "malformed_signature": {"X-Webhook-Signature": CANARY},
        "signature_mismatch": {"X-Webhook-Signature": "c0ffee" * 10 + "c0ff"},
        "missing_timestamp": {"X-Webhook-Timestamp": ""},
        "malformed_timestamp": {"X-Webhook-Timestamp": CANARY},
        "stale_timestamp": sign_as_sender(body, SECRET, "1767225600"),
    }[reason]
    return body, headers


@pytest.mark.parametrize(
    "reason",
    [
        "missing_signature",
        "malformed_signature",
        "signature_mismatch",
        "missing_timestamp",
        "malformed_timestamp",
        "stale_timestamp",
    ],
)
def test_unverified_leaves_nothing_of_itself(door: Door, logged: Logged, reason: str) -> None:
    """Whatever the reason, neither a row, nor a log line, nor the answer quotes the request."""
    body, headers = forge(reason)
    answer = door.send(body, headers)
    assert answer.content == {"status": "rejected", "reason": reason}
    assert CANARY not in read_database()
    assert CANARY not in logged.text.getvalue()
    assert '"event":"delivery"' in logged.text.getvalue().replace('": "', '":"')
    assert "c0ffee" not in logged.text.getvalue()
    delivery = Delivery.objects.get()
    assert delivery.verification == reason
    assert delivery.event is None
    assert delivery.reason == ""
    assert delivery.body_bytes == len(body)
    assert not Event.objects.exists()
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    "reason",
    [
        "missing_signature",
        "malformed_signature",
        "signature_mismatch",
        "missing_timestamp",
        "malformed_timestamp",
    ],
)
def test_unproven_delivery_keeps_neither_time_nor_secret(door: Door, reason: str) -> None:
    """What an unproven request says of its time and secret is nobody's word."""
    door.send(*forge(reason))
    delivery = Delivery.objects.get()
    assert delivery.verification == reason
    assert (delivery.secret, delivery.signed_at) == (None, None)


def test_stale_delivery_keeps_the_time_and_the_secret_that_its_signature_proves(
    door: Door, secret: SigningSecret
) -> None:
    """Its signature holds, so people can see how late it came and what it was signed with."""
    door.send(*forge("stale_timestamp"))
    delivery = Delivery.objects.get()
    assert delivery.secret == secret
    assert delivery.signed_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_forgery_does_not_poison_the_true_event(door: Door) -> None:
    """A forged delivery with a real event_id leaves the true one new."""
    body = build_event()
    forged = body.replace(b"completed", b"failed")
    assert door.send(forged, sign_as_sender(forged, "guessed")).status == 401
    assert door.send_signed(body).outcome == (202, "accepted")


def test_unverified_is_not_parsed(door: Door) -> None:
    """JSON or not, the verdict on an unverified body is about its signature alone."""
    for body in (b"", b"not JSON", b"\xff\xfe", b"[" * 100_000, b'{"event_id": 5}'):
        answer = door.send(body, sign_as_sender(b"something else", SECRET))
        assert answer.content == {"status": "rejected", "reason": "signature_mismatch"}


def test_source_without_secrets_rejects(secret: SigningSecret) -> None:
    """A source whose secrets are all retired refuses what they sign."""
    secret.retire()
    answer = Door().send_signed(build_event())
    assert answer.status == 401
    assert answer.content["reason"] == "no_active_secret"


def test_rejected_rows_are_capped_and_all_are_counted(door: Door, settings: Settings) -> None:
    """Strangers cannot fill the table: rows stop at the cap, the count goes on."""
    settings.WEBHOOKS_REJECTED_ROWS_PER_HOUR = 3
    for _ in range(8):
        assert door.send(b"{}").status == 401
    assert Delivery.objects.count() == 3
    assert RejectionCount.objects.get().count == 8


def test_cap_is_for_each_source_and_reason(door: Door, settings: Settings) -> None:
    """A flood at one source, or of one kind, does not hide what happens elsewhere."""
    settings.WEBHOOKS_REJECTED_ROWS_PER_HOUR = 1
    other = SourceFactory.create()
    for _ in range(3):
        door.send(b"{}")
        door.send(b"{}", sign_as_sender(b"{}", "guessed"))
        Door(other.slug).send(b"{}")
    counts = RejectionCount.objects.values_list("source__slug", "verification", "count")
    assert set(counts) == {
        ("demo", "missing_signature", 3),
        ("demo", "signature_mismatch", 3),
        (other.slug, "no_active_secret", 3),
    }
    assert Delivery.objects.count() == 3


def test_genuine_deliveries_are_not_capped(door: Door, settings: Settings) -> None:
    """The cap is for strangers: a sender's own mistakes all leave a row."""
    settings.WEBHOOKS_REJECTED_ROWS_PER_HOUR = 1
    for _ in range(3):
        assert door.send_signed(b"{}").status == 400
    assert Delivery.objects.count() == 3
    assert not RejectionCount.objects.exists()


def test_rejection_does_not_wait_for_the_disk(door: Door) -> None:
    """What strangers cause is committed lazily; what is acknowledged is not."""

    def read_synchronous_commit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            (value,) = cursor.fetchone()
        return str(value)

    door.send_signed(build_event())
    assert read_synchronous_commit() == "on"
    door.send(b"{}")
    assert read_synchronous_commit() == "off"  # in the test's one transaction


def test_verified_delivery_is_logged_in_one_line(door: Door, logged: Logged) -> None:
    """The line has what the sender's documentation asks for, and nothing that is personal."""
    data = {"conversation_uuid": "c-1", "from_number": CANARY, "messages": [{"message": CANARY}]}
    body = build_event(data=data, organization_name=CANARY)
    door.send_signed(body)
    lines = [json.loads(line) for line in logged.text.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "delivery"]
    envelope = json.loads(body)
    assert line["event_id"] == envelope["event_id"]
    assert line["event_type"] == envelope["event_type"]
    assert line["organization"] == envelope["organization_uuid"]
    assert line["source"] == "demo"
    assert line["verification"] == "verified"
    assert line["outcome"] == "accepted"
    assert line["delivery_timestamp"]
    assert line["duration_ms"] > 0
    assert CANARY not in logged.text.getvalue()
    assert SECRET not in logged.text.getvalue()


def test_invalid_event_logs_none_of_its_values(door: Door, logged: Logged) -> None:
    """A genuine delivery that holds no event is logged without what it holds."""
    door.send_signed(build_event(created=CANARY, event_type=[CANARY]))
    assert CANARY not in logged.text.getvalue()
    assert CANARY not in read_database()
