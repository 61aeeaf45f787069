"""The HTTP contract of `POST /webhooks/<source>/`, row by row."""

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client

from tests.factories import SourceFactory
from tests.ingest.door import SECRET, Door
from tests.signing import build_event, sign_as_sender, sign_as_standard_webhooks
from webhooks.models import Delivery, Event, SigningSecret

pytestmark = pytest.mark.django_db

EVENT_ID = "7d4b0a52-97b2-4ed2-a7be-5b0f0f6f0a01"


def test_new_event_is_accepted(door: Door) -> None:
    """A new event is answered 202 with its id."""
    answer = door.send_signed(build_event(event_id=EVENT_ID))
    assert answer.status == 202
    assert answer.content == {"status": "accepted", "event_id": EVENT_ID}


def test_accepted_event_keeps_its_bytes_and_columns(door: Door, secret: SigningSecret) -> None:
    """The body is stored as it came, and what is searched for is in columns."""
    body = b" " + build_event(event_id=EVENT_ID, event_type="conversation.started") + b"\n"
    door.send_signed(body)
    event = Event.objects.get()
    data = json.loads(body)["data"]
    assert bytes(event.body or b"") == body
    assert bytes(event.body_sha256) == hashlib.sha256(body).digest()
    assert event.body_bytes == len(body)
    assert str(event.event_id) == EVENT_ID
    assert event.event_type == "conversation.started"
    assert event.source == secret.source
    assert event.conversation_uuid == data["conversation_uuid"]
    assert event.agent_uuid == "agent-1"
    assert event.organization_uuid == "organization-1"
    assert event.organization_name == "Organization One"
    assert event.created == datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
    assert event.status == Event.Status.PENDING
    assert event.received_at == event.due_at


def test_accepted_delivery_says_how_it_was_verified(door: Door, secret: SigningSecret) -> None:
    """The delivery's row has its source, secret, size, the sender's address and timestamp."""
    body = build_event()
    timestamp = str(int(datetime.now(UTC).timestamp()))
    door.send_signed(body, timestamp, REMOTE_ADDR="203.0.113.9")
    delivery = Delivery.objects.get()
    assert delivery.outcome == Delivery.Outcome.ACCEPTED
    assert delivery.verification == Delivery.Verification.VERIFIED
    assert delivery.event == Event.objects.get()
    assert (delivery.source, delivery.secret) == (secret.source, secret)
    assert delivery.body_bytes == len(body)
    assert delivery.remote_address == "203.0.113.9"
    assert delivery.signed_at == datetime.fromtimestamp(int(timestamp), UTC)
    assert delivery.reason == ""


def test_second_delivery_is_a_duplicate(door: Door) -> None:
    """The same event with the same body is answered 200, and makes no second event."""
    body = build_event(event_id=EVENT_ID)
    door.send_signed(body)
    answer = door.send_signed(body)
    assert answer.status == 200
    assert answer.content == {"status": "duplicate", "event_id": EVENT_ID}
    assert Event.objects.count() == 1
    assert sorted(Delivery.objects.values_list("outcome", flat=True)) == ["accepted", "duplicate"]


def test_other_body_is_a_conflict(door: Door) -> None:
    """The same event with another body is answered 200; the first body stays, people are told."""
    first = build_event(event_id=EVENT_ID)
    door.send_signed(first)
    answer = door.send_signed(first + b" ")
    assert answer.status == 200
    assert answer.content == {"status": "conflict", "event_id": EVENT_ID}
    event = Event.objects.get()
    assert bytes(event.body or b"") == first
    conflict = Delivery.objects.get(outcome=Delivery.Outcome.CONFLICT)
    assert conflict.event == event
    assert conflict.reason


@pytest.mark.parametrize("outcome", ["duplicate", "conflict"])
def test_known_event_makes_no_new_work(door: Door, outcome: str) -> None:
    """An event that was processed is not made pending by another delivery of it."""
    body = build_event(event_id=EVENT_ID)
    door.send_signed(body)
    Event.objects.update(status=Event.Status.PROCESSED)
    assert door.send_signed(body + b" " * (outcome == "conflict")).content["status"] == outcome
    assert Event.objects.get().status == Event.Status.PROCESSED


@pytest.mark.parametrize("form", [str.upper, lambda text: text.replace("-", "")])
def test_forms_of_one_event_id_are_one_event(door: Door, form: object) -> None:
    """In capitals or without hyphens, an event id is the same one."""
    assert callable(form)
    door.send_signed(build_event(event_id=EVENT_ID))
    answer = door.send_signed(build_event(event_id=form(EVENT_ID)))
    assert answer.content == {"status": "conflict", "event_id": EVENT_ID}
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"X-Webhook-Signature": ""}, "missing_signature"),
        ({"X-Webhook-Signature": "rubbish"}, "malformed_signature"),
        ({"X-Webhook-Signature": "0" * 64}, "signature_mismatch"),
        ({"X-Webhook-Timestamp": ""}, "missing_timestamp"),
        ({"X-Webhook-Timestamp": "soon"}, "malformed_timestamp"),
        ({"X-Webhook-Timestamp": "1767225600"}, "signature_mismatch"),
    ],
)
def test_unverified_is_rejected(door: Door, change: dict[str, str], reason: str) -> None:
    """What is not proven genuine is answered 401 with one short reason, and makes no event."""
    body = build_event()
    answer = door.send(body, sign_as_sender(body, SECRET) | change)
    assert answer.status == 401
    assert answer.content == {"status": "rejected", "reason": reason}
    assert not Event.objects.exists()


def test_stale_delivery_is_rejected(door: Door) -> None:
    """A genuine delivery outside the replay window is answered 401."""
    answer = door.send_signed(build_event(), "1767225600")
    assert answer.status == 401
    assert answer.content["reason"] == "stale_timestamp"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"not JSON", "body"),
        (b"[]", "body"),
        (b"{}", "event_id"),
        (build_event(event_id="17"), "event_id"),
        (build_event(event_type=""), "event_type"),
        (build_event(created="yesterday"), "created"),
        (build_event(created="2026-03-01T12:00:00"), "created"),
        (build_event(data=None), "data"),
        (build_event(data={}), "data.conversation_uuid"),
        (build_event(data={"conversation_uuid": 17}), "data.conversation_uuid"),
        (build_event(data={"conversation_uuid": "x", "agent_uuid": []}), "data.agent_uuid"),
        (build_event(organization_uuid={}), "organization_uuid"),
        (build_event(organization_name=17), "organization_name"),
    ],
)
def test_invalid_event_names_the_field(door: Door, body: bytes, field: str) -> None:
    """What is verified and holds no event is answered 400 with the field; its row says why."""
    answer = door.send_signed(body)
    assert answer.status == 400
    assert answer.content["reason"] == "invalid_event"
    assert answer.content["field"] == field
    assert answer.content["detail"]
    assert not Event.objects.exists()
    delivery = Delivery.objects.get()
    assert delivery.outcome == Delivery.Outcome.REJECTED
    assert delivery.verification == Delivery.Verification.VERIFIED
    assert delivery.reason.startswith(field)


def test_unknown_event_type_is_accepted(door: Door) -> None:
    """An event type that nobody has heard of is stored, whatever its data lacks."""
    answer = door.send_signed(build_event(event_type="moon.landed", data={}))
    assert answer.outcome == (202, "accepted")
    assert Event.objects.get().event_type == "moon.landed"


def test_unknown_fields_are_passed_over(door: Door) -> None:
    """Fields that the envelope does not know do no harm, whatever they hold."""
    body = build_event(extra=[1, {"deep": None}], deliver={"to": "nobody"}, **{"": ""})
    assert door.send_signed(body).outcome == (202, "accepted")


@pytest.mark.parametrize("slug", ["nobody", "a.b", "x" * 51, "%00", "%C3%BC", "demo%0A"])
def test_unknown_source_is_not_found(door: Door, slug: str) -> None:
    """An address that nobody has, or can have, is answered 404, in JSON."""
    answer = Door(slug, client=door.client).send_signed(build_event())
    assert answer.status == 404
    assert answer.content == {"status": "rejected", "reason": "unknown_source"}


def test_inactive_source_is_not_found(door: Door, secret: SigningSecret) -> None:
    """A source that is switched off answers as if it were not there, and keeps no row."""
    secret.source.is_active = False
    secret.source.save()
    assert door.send_signed(build_event()).status == 404
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_not_allowed(client: Client, secret: SigningSecret, method: str) -> None:
    """Only POST is allowed, and the answer says so."""
    response = getattr(client, method)(f"/webhooks/{secret.source.slug}/")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


def test_address_works_without_its_final_slash(client: Client, secret: SigningSecret) -> None:
    """A redirect to the slash would lose the body."""
    body = build_event()
    response = client.post(
        f"/webhooks/{secret.source.slug}",
        body,
        content_type="application/json",
        headers=sign_as_sender(body, SECRET),
    )
    assert response.status_code == 202


def test_form_is_not_parsed(client: Client, secret: SigningSecret) -> None:
    """Whatever the content type claims, the raw bytes are what is verified and read."""
    body = build_event()
    for content_type in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        response = client.post(
            f"/webhooks/{secret.source.slug}/",
            body,
            content_type=content_type,
            headers=sign_as_sender(body, SECRET),
        )
        assert response.status_code in {200, 202}


def test_csrf_is_not_asked_for(secret: SigningSecret) -> None:
    """A sender has no cookie."""
    door = Door(secret.source.slug, client=Client(enforce_csrf_checks=True))
    assert door.send_signed(build_event()).status == 202


def test_standard_webhooks_works_by_configuration_alone() -> None:
    """A source with Standard Webhooks' settings takes what such a sender sends."""
    whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    source = SourceFactory.create(
        signature_header="Webhook-Signature",
        timestamp_header="Webhook-Timestamp",
        id_header="Webhook-Id",
        signed_content="{id}.{timestamp}.{body}",
        encoding="base64",
        signature_prefix="v1,",
        secret_format="whsec",
    )
    source.full_clean()
    source.add_secret(whsec)
    body = build_event()
    answer = Door(source.slug).send(body, sign_as_standard_webhooks(body, whsec))
    assert answer.outcome == (202, "accepted")


def test_every_answer_is_recorded_under_the_sources_own_id(door: Door) -> None:
    """Two sources that send one event are told apart in the deliveries."""
    other = SourceFactory.create()
    other.add_secret(SECRET)
    body = build_event()
    door.send_signed(body)
    assert Door(other.slug).send_signed(body).outcome == (200, "duplicate")
    assert set(Delivery.objects.values_list("source__slug", "outcome")) == {
        ("demo", "accepted"),
        (other.slug, "duplicate"),
    }


def test_event_id_is_unique_in_postgres(door: Door) -> None:
    """The promise of one event is the database's, not the code's."""
    door.send_signed(build_event(event_id=str(uuid.uuid4())))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'webhooks_event'"
            " AND indexdef LIKE 'CREATE UNIQUE INDEX % (event_id)'"
        )
        assert cursor.fetchone() == (1,)
