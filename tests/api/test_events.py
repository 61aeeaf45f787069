"""Events, as lists and one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from tests.factories import DeliveryFactory, EffectFactory, EventFactory
from webhooks.models import Delivery, Effect, Event

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)
TEXT = "2026-03-01T12:00:00.000250Z"


def test_an_event_tells_what_became_of_it(viewer: APIClient) -> None:
    """One answer has the event, every delivery of it and every effect that it owes."""
    event = EventFactory.create(
        source__slug="demo",
        status=Event.Status.PROCESSED,
        conversation_uuid="conversation-1",
        created=MOMENT,
        received_at=MOMENT,
        processed_at=MOMENT,
        attempts=1,
    )
    DeliveryFactory.create(event=event, received_at=MOMENT, signed_at=MOMENT)
    DeliveryFactory.create(
        event=event,
        received_at=MOMENT + timedelta(seconds=1),
        outcome=Delivery.Outcome.CONFLICT,
        reason="The event is known with another body.",
    )
    effect = EffectFactory.create(
        event=event,
        integration=Effect.Integration.USAGE,
        state=Effect.State.SUCCEEDED,
        idempotency_key="usage:conversation-1",
        attempts_made=2,
        external_id="usage-7",
        external_url="https://example.com/usage/7",
        due_at=MOMENT,
        created_at=MOMENT,
        finished_at=MOMENT,
    )
    answer = viewer.get(f"/api/v1/events/{event.event_id}/").json()
    first, second = answer.pop("deliveries")
    assert first == {
        "id": event.deliveries.earliest("id").pk,
        "received_at": TEXT,
        "outcome": "accepted",
        "verification": "verified",
        "reason": "",
        "remote_address": "203.0.113.7",
        "signed_at": TEXT,
        "body_bytes": event.body_bytes,
    }
    assert (second["outcome"], second["reason"]) == (
        "conflict",
        "The event is known with another body.",
    )
    assert answer.pop("effects") == [
        {
            "id": effect.pk,
            "integration": "usage",
            "status": "succeeded",
            "priority": "live",
            "attempts": 2,
            "attempts_limit": effect.attempts_limit,
            "idempotency_key": "usage:conversation-1",
            "reason": "",
            "external_id": "usage-7",
            "external_url": "https://example.com/usage/7",
            "due_at": TEXT,
            "created_at": TEXT,
            "finished_at": TEXT,
            "replay": None,
            "redo_of": None,
        }
    ]
    assert answer == {
        "event_id": str(event.event_id),
        "event_type": "conversation.ended",
        "status": "processed",
        "source": "demo",
        "conversation_uuid": "conversation-1",
        "agent_uuid": "agent-1",
        "organization": "organization-1",
        "organization_name": "Organization One",
        "created": TEXT,
        "received_at": TEXT,
        "processed_at": TEXT,
        "attempts": 1,
        "error": "",
        "body_bytes": event.body_bytes,
        "replay": None,
    }


def test_the_list_shows_each_event_as_it_shows_itself(viewer: APIClient) -> None:
    """Nobody has to ask for each event of a page again."""
    effects = EffectFactory.create_batch(3)
    for effect in effects:
        DeliveryFactory.create(event=effect.event)
    single = [
        viewer.get(f"/api/v1/events/{effect.event.event_id}/").json() for effect in effects[::-1]
    ]
    assert viewer.get("/api/v1/events/").json()["results"] == single


@pytest.mark.parametrize("status", Event.STOPPED)
def test_an_event_that_went_wrong_says_why(viewer: APIClient, status: str) -> None:
    """The error stands where people look for it."""
    event = EventFactory.create(status=status, error="KeyError", attempts=16)
    answer = viewer.get(f"/api/v1/events/{event.event_id}/").json()
    assert (answer["status"], answer["error"], answer["attempts"]) == (status, "KeyError", 16)
    assert (answer["processed_at"], answer["effects"]) == (None, [])


def test_an_event_that_came_a_thousand_times_shows_the_first_deliveries(viewer: APIClient) -> None:
    """A sender that repeats itself makes no page endless, and no other event loses its own."""
    noisy, quiet = EventFactory.create_batch(2)
    DeliveryFactory.create(event=noisy)
    DeliveryFactory.create_batch(110, event=noisy, outcome=Delivery.Outcome.DUPLICATE)
    DeliveryFactory.create(event=quiet)
    shown_quiet, shown_noisy = viewer.get("/api/v1/events/").json()["results"]
    assert len(shown_noisy["deliveries"]) == 100
    assert shown_noisy["deliveries"][0]["outcome"] == "accepted"
    assert len(shown_quiet["deliveries"]) == 1
