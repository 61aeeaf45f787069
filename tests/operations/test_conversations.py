"""The conversations that the simulator makes up."""

import itertools
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import EventFactory, SourceFactory
from tests.workers import process_event
from webhooks.ingest.envelope import read_envelope
from webhooks.models import Conversation, Effect
from webhooks.operations.conversations import (
    SAMPLE,
    Shape,
    SimulatedConversation,
    build_conversation,
    draw_shape,
)
from webhooks.processing.projection import STAGES

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
STARTED_FIELDS = {
    "conversation_uuid",
    "agent_uuid",
    "agent_name",
    "channel",
    "started_at",
    "from_number",
    "to_number",
    "ip_address",
    "campaign_uuid",
    "campaign_contact_uuid",
    "direction",
    "room_sid",
    "metadata",
}
ENDED_FIELDS = {
    "status",
    "ended_at",
    "duration_seconds",
    "answer_status",
    "messages",
    "events",
}


def process(conversation: SimulatedConversation) -> None:
    """Have the events stored and processed."""
    source = SourceFactory.create()
    for simulated in conversation.events:
        envelope = read_envelope(simulated.body)
        event = EventFactory.create(
            event_id=envelope.event_id,
            event_type=envelope.event_type,
            source=source,
            conversation_uuid=envelope.data.conversation_uuid,
            agent_uuid=envelope.data.agent_uuid,
            created=envelope.created,
            body=simulated.body,
        )
        process_event(event.pk)


def test_a_conversation_has_the_senders_three_events_in_order() -> None:
    """Started, ended, analysed: each with a later time of creation and an id of its own."""
    envelopes = [read_envelope(event.body) for event in build_conversation(NOW).events]
    assert tuple(envelope.event_type for envelope in envelopes) == tuple(STAGES)
    assert sorted(envelopes, key=lambda envelope: envelope.created) == envelopes
    assert len({envelope.event_id for envelope in envelopes}) == 3
    assert len({envelope.data.conversation_uuid for envelope in envelopes}) == 1


def test_the_events_have_the_fields_of_the_senders_documentation() -> None:
    """What is documented for a type is there, and the analysis beside it."""
    started, ended, analysed = (
        json.loads(event.body)["data"] for event in build_conversation(NOW).events
    )
    assert set(started) == STARTED_FIELDS
    assert set(ended) == STARTED_FIELDS | ENDED_FIELDS
    assert {"messages", "events", "goals", "score", "summary", "follow_ups"} <= set(analysed)
    assert {message["role"] for message in ended["messages"]} <= {"user", "agent", "tool"}


@pytest.mark.parametrize("seed", range(20))
def test_ended_minus_started_is_the_duration(seed: int) -> None:
    """The times of a conversation go together, whatever is drawn."""
    conversation = build_conversation(NOW, SAMPLE, random.Random(seed))  # noqa: S311 -- the same each time is what a test wants
    data = json.loads(conversation.events[1].body)["data"]
    length = datetime.fromisoformat(data["ended_at"]) - datetime.fromisoformat(data["started_at"])
    assert length == timedelta(seconds=data["duration_seconds"])


def test_the_same_draw_gives_the_same_conversation_under_new_ids() -> None:
    """Repeating a seed must not send known ids with other bodies."""
    first, again = (build_conversation(NOW, SAMPLE, random.Random(7)) for _ in range(2))  # noqa: S311 -- the same each time is what a test wants
    told = [json.loads(each.events[1].body)["data"] for each in (first, again)]
    assert told[0]["messages"] == told[1]["messages"]
    assert first.conversation_uuid != again.conversation_uuid
    assert {e.event_id for e in first.events}.isdisjoint(e.event_id for e in again.events)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "missed_goals", "follow_ups"),
    [*itertools.product(("completed", "failed", "transferred"), (0, 1, 2), (0, 1, 2))],
)
def test_what_is_owed_is_what_the_default_routes_plan(
    status: str, missed_goals: int, follow_ups: int
) -> None:
    """The counts that a burst is judged by are those that processing comes to."""
    conversation = build_conversation(NOW, Shape(status, missed_goals, follow_ups))
    process(conversation)
    planned = dict.fromkeys(("crm", "usage", "tickets", "tasks"), 0)
    for effect in Effect.objects.all():
        planned[effect.integration] += 1
    assert planned == conversation.shape.count_owed()
    assert Conversation.objects.get().status == status


def test_the_sample_gives_every_integration_something_to_do() -> None:
    """Whoever tries the product sees all four kinds of effects."""
    assert SAMPLE.count_owed() == {"crm": 3, "usage": 1, "tickets": 1, "tasks": 1}


def test_a_busy_day_has_all_kinds_of_conversations() -> None:
    """A tenth fail, some miss goals, and up to two follow-ups are asked for."""
    chance = random.Random(1)  # noqa: S311 -- the same each time is what a test wants
    shapes = [draw_shape(chance) for _ in range(1000)]
    failed = sum(shape.status == "failed" for shape in shapes)
    assert 60 < failed < 140
    assert {shape.follow_ups for shape in shapes} == {0, 1, 2}
    assert 200 < sum(shape.missed_goals > 0 for shape in shapes) < 450
