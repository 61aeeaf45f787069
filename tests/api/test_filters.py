"""Narrowing lists."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from tests.factories import (
    ConversationFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
    SourceFactory,
)
from webhooks.models import Delivery, Effect, Event, Replay

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def wanted() -> Event:
    """Return an event that differs from another one in everything that can be filtered by."""
    EventFactory.create(received_at=MOMENT - timedelta(days=2))
    event: Event = EventFactory.create(
        event_type="conversation.started",
        status=Event.Status.IGNORED,
        source=SourceFactory.create(slug="wanted"),
        conversation_uuid="wanted-conversation",
        organization_uuid="wanted-organization",
        received_at=MOMENT,
    )
    DeliveryFactory.create(event=event)
    DeliveryFactory.create_batch(2, event=event, outcome=Delivery.Outcome.DUPLICATE)
    EventFactory.create(received_at=MOMENT + timedelta(days=2))
    return event


@pytest.mark.parametrize(
    "query",
    [
        {"event_type": "conversation.started"},
        {"status": "ignored"},
        {"source": "wanted"},
        {"conversation": "wanted-conversation"},
        {"delivery_outcome": "duplicate"},
        {
            "received_after": "2026-03-01T12:00:00Z",
            "received_before": "2026-03-01T12:00:00.000001Z",
        },
        {"received_after": "2026-03-01T14:00:00+02:00", "received_before": "2026-03-02"},
        {"received_after": "2026-03-01T11:59", "received_before": "2026-03-01 12:01"},
    ],
)
def test_each_filter_of_events_keeps_just_what_it_names(
    viewer: APIClient, wanted: Event, query: dict[str, str]
) -> None:
    """The event is found once, and no other with it."""
    answer = viewer.get("/api/v1/events/", query).json()
    assert [row["event_id"] for row in answer["results"]] == [str(wanted.event_id)]


@pytest.mark.parametrize("name", ["source", "conversation", "event_type"])
def test_a_name_that_nobody_has_finds_nothing(viewer: APIClient, wanted: Event, name: str) -> None:
    """It may be known tomorrow, so it is no mistake, and it is not passed over either."""
    assert wanted.pk
    response = viewer.get("/api/v1/events/", {name: "nobody"})
    assert (response.status_code, response.json()["results"]) == (200, [])


def test_the_end_of_a_time_range_is_not_part_of_it(viewer: APIClient, wanted: Event) -> None:
    """Ranges that follow each other share no event."""
    moment = wanted.received_at.isoformat()
    until = viewer.get("/api/v1/events/", {"received_before": moment}).json()["results"]
    since = viewer.get("/api/v1/events/", {"received_after": moment}).json()["results"]
    assert str(wanted.event_id) not in [row["event_id"] for row in until]
    assert str(wanted.event_id) in [row["event_id"] for row in since]
    assert len(until) + len(since) == Event.objects.count()


def test_filters_of_events_are_taken_together(viewer: APIClient, wanted: Event) -> None:
    """An event has to be all that is asked for."""
    query = {"source": wanted.source.slug, "status": "failed"}
    assert viewer.get("/api/v1/events/", query).json()["results"] == []


@pytest.mark.parametrize("name", ["status", "integration", "event", "conversation"])
def test_each_filter_of_effects_keeps_just_what_it_names(viewer: APIClient, name: str) -> None:
    """The effect is found, and no other with it."""
    EffectFactory.create()
    wanted = EffectFactory.create(
        state=Effect.State.DEAD, integration=Effect.Integration.TASKS, attempts_made=1
    )
    values = {
        "status": "dead",
        "integration": "tasks",
        "event": str(wanted.event.event_id),
        "conversation": wanted.conversation.conversation_uuid,
    }
    answer = viewer.get("/api/v1/effects/", {name: values[name]}).json()
    assert [row["id"] for row in answer["results"]] == [wanted.pk]


@pytest.mark.parametrize("needs", ["true", "false"])
def test_what_needs_people_is_found_in_one_question(viewer: APIClient, needs: str) -> None:
    """Failed and dead together, or all but these; of events as of effects."""
    event = EventFactory.create()
    for status in Event.Status:
        EventFactory.create(status=status)
    for state in Effect.State:
        EffectFactory.create(state=state, event=event)
    for path in ("events", "effects"):
        answer = viewer.get(f"/api/v1/{path}/", {"needs_people": needs}).json()
        found = {row["status"] for row in answer["results"]}
        assert (found == {"failed", "dead"}) == (needs == "true")
        assert (found & {"failed", "dead"} == set()) == (needs == "false")


def test_conversations_are_found_by_organization(viewer: APIClient) -> None:
    """Only those of the sender's account are listed."""
    ConversationFactory.create(organization_uuid="other")
    wanted = ConversationFactory.create(organization_uuid="wanted")
    answer = viewer.get("/api/v1/conversations/", {"organization": "wanted"}).json()
    assert [row["conversation_uuid"] for row in answer["results"]] == [wanted.conversation_uuid]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("events", "status", "done"),
        ("events", "status", "PENDING"),
        ("events", "delivery_outcome", "rejected"),
        ("events", "needs_people", "yes"),
        ("events", "received_after", "yesterday"),
        ("events", "received_before", "2026-13-01T00:00:00Z"),
        ("events", "received_before", "2026-03-01T12:00:00 02:00"),
        ("events", "event_type", "a\0b"),
        ("events", "source", "\0"),
        ("events", "conversation", "\0"),
        ("conversations", "organization", "\0"),
        ("conversations", "status", "\0"),
        ("effects", "status", "dying"),
        ("effects", "integration", "fax"),
        ("effects", "needs_people", "1"),
        ("effects", "event", "not-a-uuid"),
        ("effects", "conversation", "\0"),
    ],
)
def test_a_value_that_cannot_be_meant_is_400_and_names_its_filter(
    viewer: APIClient, path: str, name: str, value: str
) -> None:
    """Nobody gets a full or an empty list for a mistake."""
    response = viewer.get(f"/api/v1/{path}/", {name: value})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {name}


def test_a_filter_that_there_is_not_is_400_and_named(viewer: APIClient) -> None:
    """A mistyped filter would otherwise answer with everything."""
    response = viewer.get("/api/v1/events/", {"state": "failed", "status": "failed"})
    assert response.status_code == 400
    errors = response.json()["errors"]
    assert set(errors) == {"state"}
    assert "status" in errors["state"][0]


def test_phone_numbers_are_no_filter(reader: APIClient) -> None:
    """Access logs have the query, and phone numbers must not be in logs."""
    response = reader.get("/api/v1/conversations/", {"from_number": "1"})
    assert response.status_code == 400


def test_a_filter_given_twice_is_400(viewer: APIClient) -> None:
    """One of the two would silently be left out."""
    response = viewer.get("/api/v1/events/?status=failed&status=ignored")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"status"}


def test_an_empty_filter_is_400(viewer: APIClient) -> None:
    """A program that has lost its value would otherwise be given everything."""
    response = viewer.get("/api/v1/events/?status=failed&source=&page_size=")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"source", "page_size"}


def test_a_single_row_takes_no_filter(viewer: APIClient, wanted: Event) -> None:
    """Its address names it, so that whatever else is said was meant for something else."""
    response = viewer.get(f"/api/v1/events/{wanted.event_id}/?status=failed")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"status"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "rejected"),
        ("verification", "signature_mismatch"),
        ("source", "wanted"),
        ("received_before", "2026-03-01T12:00:00Z"),
    ],
)
def test_each_filter_of_deliveries_keeps_just_what_it_names(
    viewer: APIClient, name: str, value: str
) -> None:
    """The delivery is found, and no other with it."""
    DeliveryFactory.create()
    wanted = DeliveryFactory.create(
        event=None,
        source=SourceFactory.create(slug="wanted"),
        outcome=Delivery.Outcome.REJECTED,
        verification=Delivery.Verification.MISMATCH,
        received_at=MOMENT - timedelta(days=1),
    )
    answer = viewer.get("/api/v1/deliveries/", {name: value}).json()
    assert [row["id"] for row in answer["results"]] == [wanted.pk]


def test_deliveries_of_an_event_are_found(viewer: APIClient, wanted: Event) -> None:
    """Also those that came again."""
    answer = viewer.get("/api/v1/deliveries/", {"event": str(wanted.event_id)}).json()
    assert [row["outcome"] for row in answer["results"]] == ["duplicate", "duplicate", "accepted"]


@pytest.mark.parametrize("name", ["external_id", "replay", "ended_after", "planned_before"])
def test_effects_are_found_by_what_came_of_them(viewer: APIClient, name: str) -> None:
    """By the vendor's name, the run that they were retried by, and their times."""
    EffectFactory.create()
    run = Replay.objects.create(requested_from="test", reason="test", selection={})
    wanted = EffectFactory.create(
        external_id="ticket-7", replay=run, finished_at=MOMENT, created_at=MOMENT
    )
    values = {
        "external_id": "ticket-7",
        "replay": str(run.pk),
        "ended_after": "2026-03-01T12:00:00Z",
        "planned_before": "2026-03-01T12:00:01Z",
    }
    answer = viewer.get("/api/v1/effects/", {name: values[name]}).json()
    assert [row["id"] for row in answer["results"]] == [wanted.pk]
