"""Rows to test with: each valid by itself, with what a test does not care about filled in.

`EventFactory(data={...})` builds the body from the columns and `data`; `EventFactory(body=b"...")`
stores just these bytes and leaves the columns as they are given.
"""

# factory-boy says that it is typed; its declarations are not.
# mypy: disable-error-code="no-untyped-call"

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from webhooks.models import (
    Attempt,
    Conversation,
    Delivery,
    Effect,
    Event,
    Replay,
    SigningSecret,
    Source,
)


class SourceFactory(DjangoModelFactory[Source]):
    """A source with the sender's own scheme, and no secret."""

    class Meta:
        model = Source

    slug = Sequence(lambda number: f"source-{number}")
    name = LazyAttribute(lambda source: source.slug.replace("-", " ").capitalize())


class SigningSecretFactory(DjangoModelFactory[SigningSecret]):
    """An active secret of a source of its own."""

    class Meta:
        model = SigningSecret

    source = SubFactory(SourceFactory)
    value = Sequence(lambda number: f"signing-secret-number-{number}")


def build_body(event: Any) -> bytes:
    """Return a body that says what the event's columns and its parameter `data` say."""
    envelope = {
        "event_id": str(event.event_id),
        "event_type": event.event_type,
        "created": event.created.isoformat(timespec="microseconds"),
        "organization_uuid": event.organization_uuid,
        "organization_name": event.organization_name,
        "data": {"conversation_uuid": event.conversation_uuid, "agent_uuid": event.agent_uuid}
        | event.data,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


class EventFactory(DjangoModelFactory[Event]):
    """A pending event whose body says what its columns say."""

    class Meta:
        model = Event

    class Params:
        data: dict[str, Any] = {}

    event_id = LazyFunction(uuid.uuid4)
    event_type = "conversation.ended"
    source = SubFactory(SourceFactory)
    conversation_uuid = LazyFunction(lambda: str(uuid.uuid4()))
    agent_uuid = "agent-1"
    organization_uuid = "organization-1"
    organization_name = "Organization One"
    created = Sequence(lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number))
    body = LazyAttribute(build_body)
    body_sha256 = LazyAttribute(lambda event: hashlib.sha256(event.body or b"").digest())
    body_bytes = LazyAttribute(lambda event: len(event.body or b""))


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """The accepted delivery of an event; give `event=None` and an outcome for a rejected one."""

    class Meta:
        model = Delivery

    event = SubFactory(EventFactory)
    source = LazyAttribute(
        lambda delivery: delivery.event.source if delivery.event else SourceFactory.create()
    )
    outcome = Delivery.Outcome.ACCEPTED
    verification = Delivery.Verification.VERIFIED
    remote_address = "203.0.113.7"
    body_bytes = LazyAttribute(lambda delivery: delivery.event.body_bytes if delivery.event else 0)


class ConversationFactory(DjangoModelFactory[Conversation]):
    """A conversation of which nothing but its name is known."""

    class Meta:
        model = Conversation

    conversation_uuid = LazyFunction(lambda: str(uuid.uuid4()))


class EffectFactory(DjangoModelFactory[Effect]):
    """A pending effect on the CRM, owed by an event of the same conversation."""

    class Meta:
        model = Effect

    conversation = SubFactory(ConversationFactory)
    event = SubFactory(
        EventFactory,
        conversation_uuid=SelfAttribute("..conversation.conversation_uuid"),
    )
    integration = Effect.Integration.CRM
    idempotency_key = Sequence(lambda number: f"effect-{number}")


class AttemptFactory(DjangoModelFactory[Attempt]):
    """A running attempt, the next one of its effect."""

    class Meta:
        model = Attempt

    effect = SubFactory(EffectFactory)
    number = LazyAttribute(lambda attempt: attempt.effect.attempts.count() + 1)
    lease = LazyFunction(uuid.uuid4)
    worker = "worker-1"


class ReplayFactory(DjangoModelFactory[Replay]):
    """A run that waits for a worker, and means all events."""

    class Meta:
        model = Replay

    reason = "a test"
    requested_from = "a test"
    selection: dict[str, Any] = {"rows": "events"}
