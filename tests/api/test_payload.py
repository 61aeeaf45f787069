"""What was said, and who is told."""

import json

import pytest
from rest_framework.test import APIClient

from tests.api.clients import make_client
from tests.factories import AttemptFactory, ConversationFactory, EffectFactory, EventFactory
from webhooks.models import AuditEntry

pytestmark = pytest.mark.django_db

# As no serializer would write it: only the very bytes have this form.
ODD = b'{ "event_id":"x",\t"data" : {"note":"\\u00e9 \xc3\xa9", "n": 1.50, "n": 2 } }\r\n'

CANARIES = ("+4915112345678", "+4930987654", "canary-summary", "canary-goal", "canary-task")


def test_the_payload_comes_byte_for_byte(reader: APIClient) -> None:
    """Duplicate keys, white space and escapes are as the sender wrote them."""
    event = EventFactory.create(body=ODD)
    response = reader.get(f"/api/v1/events/{event.event_id}/payload/")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.content == ODD
    assert "no-store" in response["Cache-Control"]


def test_the_payload_needs_a_permission_of_its_own(viewer: APIClient) -> None:
    """403 for a user who may see everything else, and the answer names what is missing."""
    event = EventFactory.create(body=ODD)
    response = viewer.get(f"/api/v1/events/{event.event_id}/payload/")
    assert response.status_code == 403
    assert "webhooks.view_payload" in response.json()["detail"]


def test_the_payload_needs_the_permission_for_the_event_too() -> None:
    """view_payload alone opens nothing."""
    event = EventFactory.create(body=ODD)
    response = make_client("view_payload").get(f"/api/v1/events/{event.event_id}/payload/")
    assert response.status_code == 403


def test_a_payload_that_was_removed_is_gone(reader: APIClient) -> None:
    """410, since 404 would say that there never was such an event."""
    event = EventFactory.create(body=None)
    response = reader.get(f"/api/v1/events/{event.event_id}/payload/")
    assert response.status_code == 410
    assert response.json()["detail"] == "The payload of this event is no longer stored."


@pytest.fixture
def addresses() -> list[str]:
    """Return every address at which something of a conversation full of canaries is shown."""
    phone, other, summary, goal, task = CANARIES
    conversation = ConversationFactory.create(
        from_number=phone,
        to_number=other,
        summary=summary,
        goals=[{"name": goal, "achieved": False, "reason": "canary-goal-reason"}],
        follow_ups=[
            {"key": "k", "title": task, "description": "", "due_at": "", "assignee": ""},
        ],
    )
    body = json.dumps({"data": {"messages": list(CANARIES)}}).encode()
    effect = EffectFactory.create(
        conversation=conversation,
        event=EventFactory.create(conversation_uuid=conversation.conversation_uuid, body=body),
        request={"requester_phone": phone, "description": [other, summary, goal, task]},
    )
    AttemptFactory.create(effect=effect)
    return [
        "/api/v1/events/",
        "/api/v1/conversations/",
        "/api/v1/effects/",
        f"/api/v1/events/{effect.event.event_id}/",
        f"/api/v1/conversations/{conversation.conversation_uuid}/",
        f"/api/v1/effects/{effect.pk}/",
    ]


def test_nothing_that_was_said_is_shown_without_the_permission(
    viewer: APIClient, addresses: list[str]
) -> None:
    """No canary is in any answer, and each answer has the row that they are in."""
    for address in addresses:
        response = viewer.get(address)
        assert response.status_code == 200
        assert response.json().get("results", True)
        assert not [canary for canary in CANARIES if canary in response.content.decode()], address


def test_lists_never_show_what_was_said(reader: APIClient, addresses: list[str]) -> None:
    """The permission opens single rows; a list page is no place for phone numbers."""
    for address in addresses[:3]:
        content = reader.get(address).content.decode()
        assert not [canary for canary in CANARIES if canary in content], address


def test_what_was_said_is_shown_with_the_permission(
    reader: APIClient, addresses: list[str]
) -> None:
    """Every canary is in the conversation and in the effect's request."""
    for address in addresses[4:]:
        content = reader.get(f"{address}?payload=true").content.decode()
        assert [canary for canary in CANARIES if canary in content] == list(CANARIES), address


def test_what_was_said_is_refused_to_those_who_may_not_see_it(
    viewer: APIClient, addresses: list[str]
) -> None:
    """Whoever asks for it in so many words is told what they lack."""
    for address in addresses[4:]:
        response = viewer.get(f"{address}?payload=true")
        assert response.status_code == 403
        assert "webhooks.view_payload" in response.json()["detail"]
        assert viewer.get(f"{address}?payload=yes").status_code == 400


def test_each_look_at_what_was_said_is_written_down(
    reader: APIClient, viewer: APIClient, addresses: list[str]
) -> None:
    """Who saw what of which row, through the API; all other looks leave nothing behind."""
    _, _, _, event, conversation, effect = addresses
    for address in addresses:
        reader.get(address)
    viewer.get(f"{event}payload/")
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.PAYLOAD_SEEN).exists()
    for address in (f"{event}payload/", f"{conversation}?payload=true", f"{effect}?payload=true"):
        assert reader.get(address).status_code == 200
    looks = AuditEntry.objects.filter(action=AuditEntry.Action.PAYLOAD_SEEN).order_by("id")
    assert [look.subject_type for look in looks] == [
        "webhooks.event",
        "webhooks.conversation",
        "webhooks.effect",
    ]
    assert {look.door for look in looks} == {AuditEntry.Door.API}
    assert all(look.actor is not None and look.remote_address for look in looks)
