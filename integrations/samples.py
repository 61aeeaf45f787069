"""A conversation of which everything is known, and one of which as little is as can be.

Each kind makes a request of both, on which templates are tried before an effect ever meets one.
"""

from datetime import UTC, datetime

from integrations.facts import ConversationFacts, EventFacts, Goal

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

EVENT = EventFacts(
    event_id="00000000-0000-4000-8000-000000000000",
    event_type="conversation.ended",
    created=NOON,
)
LEAST = ConversationFacts(conversation_uuid="conversation")
EVERYTHING = ConversationFacts(
    conversation_uuid="conversation",
    url="https://voice.example.com/conversations/conversation",
    organization_uuid="organization",
    organization_name="Organization",
    agent_uuid="agent",
    agent_name="Agent",
    campaign_uuid="campaign",
    channel="phone",
    direction="inbound",
    from_number="+4930123456",
    to_number="+4930654321",
    status="completed",
    answer_status="answered",
    started_at=NOON,
    ended_at=NOON,
    duration_seconds=60,
    score=0.5,
    summary="Summary",
    goals=(
        Goal("Achieved", achieved=True, reason="Reason"),
        Goal("Missed", achieved=False),
        Goal("Open", achieved=None),
    ),
)
