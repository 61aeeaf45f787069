"""How long a body is, and whether it is all there, is settled before any verdict on it."""

from io import BytesIO
from typing import Any

import pytest
from pytest_django import Settings

from tests.ingest.door import Door
from tests.signing import build_event
from webhooks.models import Delivery, Event

pytestmark = pytest.mark.django_db


def test_body_over_the_limit_is_too_large(door: Door, settings: Settings) -> None:
    """One byte more than the limit is answered 413, and no verdict is given on it."""
    body = build_event()
    settings.WEBHOOKS_MAX_BODY_BYTES = len(body)
    assert door.send_signed(body).status == 202
    answer = door.send_signed(body + b" ")
    assert answer.status == 413
    assert answer.content == {"status": "rejected", "reason": "body_too_large"}
    assert Delivery.objects.count() == 1


def test_body_of_the_default_limit_is_taken(door: Door) -> None:
    """5 MiB are taken in whole; Django's own limit for forms does not apply."""
    body = build_event()
    body += b" " * (5 * 1024 * 1024 - len(body))
    assert door.send_signed(body).status == 202
    assert Event.objects.get().body_bytes == len(body)


@pytest.mark.parametrize("length", [None, ""])
def test_body_without_a_length_is_refused(door: Door, length: str | None) -> None:
    """Without a length a body cannot be bounded: 411, and no verdict on an empty body."""
    answer = door.send_signed(build_event(), CONTENT_LENGTH=length)
    assert answer.status == 411
    assert answer.content == {"status": "rejected", "reason": "length_required"}
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("length", ["-1", "1_0", "+5", "5.0", "five", "\u0665", "1e3", " 5"])
def test_odd_length_is_refused(door: Door, length: str) -> None:
    """A length that is not a number is answered 400; nothing is read."""
    assert door.send_signed(build_event(), CONTENT_LENGTH=length).status == 400


@pytest.mark.parametrize("length", ["9" * 30, "9" * 5000, str(2**63), str(2**64 + 5)])
def test_astronomic_length_is_too_large(door: Door, length: str) -> None:
    """A length beyond all integers is answered 413 like any other that is too large."""
    assert door.send_signed(build_event(), CONTENT_LENGTH=length).status == 413


def test_body_shorter_than_its_length_is_incomplete(door: Door) -> None:
    """A truncated body is answered 400, before anybody looks at its signature."""
    body = build_event()
    truncated: dict[str, Any] = {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body) + 1)}
    answer = door.send_signed(body, **truncated)
    assert answer.status == 400
    assert answer.content["reason"] == "body_incomplete"
    assert not Delivery.objects.exists()
