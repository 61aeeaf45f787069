"""Conversations, as lists and one by one."""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from tests.factories import ConversationFactory, EffectFactory
from webhooks.models import Conversation

pytestmark = pytest.mark.django_db

PERSONAL = {"from_number", "to_number", "summary", "goals", "follow_ups"}


@pytest.fixture
def conversation() -> Conversation:
    """Return a conversation of which everything is known."""
    conversation: Conversation = ConversationFactory.create(
        conversation_uuid="conversation-1",
        organization_uuid="organization-1",
        organization_name="Organization One",
        agent_uuid="agent-1",
        agent_name="Ada",
        channel="phone",
        direction="inbound",
        from_number="+4915112345678",
        to_number="+4930987654",
        status="completed",
        started_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        ended_at=datetime(2026, 3, 1, 12, 1, 1, tzinfo=UTC),
        duration_seconds=61,
        score=0.5,
        summary="They spoke.",
        goals=[{"name": "Booked", "achieved": None, "reason": ""}],
        follow_ups=[
            {"key": "k", "title": "Call", "description": "", "due_at": "", "assignee": "Bo"}
        ],
        version=3,
    )
    return conversation


def test_a_conversation_shows_what_is_known_and_what_it_led_to(
    reader: APIClient, conversation: Conversation
) -> None:
    """Facts, what was said and effects are in one answer, each effect with its event."""
    effect = EffectFactory.create(conversation=conversation, idempotency_key="usage:conversation-1")
    answer = reader.get("/api/v1/conversations/conversation-1/?payload=true").json()
    assert answer["organization"] == "organization-1"
    assert answer["status"] == "completed"
    assert answer["started_at"] == "2026-03-01T12:00:00Z"
    assert answer["duration_seconds"] == 61
    assert answer["score"] == 0.5
    assert answer["from_number"] == "+4915112345678"
    assert answer["to_number"] == "+4930987654"
    assert answer["summary"] == "They spoke."
    assert answer["goals"] == conversation.goals
    assert answer["follow_ups"] == conversation.follow_ups
    assert [
        (item["id"], item["event_id"], item["event_type"], item["conversation_uuid"])
        for item in answer["effects"]
    ] == [(effect.pk, str(effect.event.event_id), "conversation.ended", "conversation-1")]


def test_unless_it_is_asked_for_what_was_said_is_null(
    viewer: APIClient, reader: APIClient, conversation: Conversation
) -> None:
    """The answer has the same fields in any case, and null means withheld."""
    path = f"/api/v1/conversations/{conversation.conversation_uuid}/"
    shown, withheld = reader.get(f"{path}?payload=true").json(), reader.get(path).json()
    assert viewer.get(path).json() == withheld
    assert withheld == shown | dict.fromkeys(PERSONAL)
    assert all(shown[name] is not None for name in PERSONAL)


def test_a_list_shows_everything_but_what_was_said_and_effects(
    reader: APIClient, conversation: Conversation
) -> None:
    """A list's row is the single one without these."""
    path = f"/api/v1/conversations/{conversation.conversation_uuid}/"
    single = reader.get(path).json()
    (row,) = reader.get("/api/v1/conversations/").json()["results"]
    assert row == {
        name: value for name, value in single.items() if name not in PERSONAL | {"effects"}
    }


def test_the_status_is_the_senders_own_word(viewer: APIClient) -> None:
    """A word that nobody knew beforehand is shown and found."""
    ConversationFactory.create(conversation_uuid="odd", status="voicemail_left")
    ConversationFactory.create(status="completed")
    answer = viewer.get("/api/v1/conversations/", {"status": "voicemail_left"}).json()
    assert [row["conversation_uuid"] for row in answer["results"]] == ["odd"]
