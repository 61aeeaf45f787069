"""Two requests of each kind: one that has everything, and one with as little as there can be.

Templates are tried on them before an effect ever meets one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from integrations.base import Alias, Request
from integrations.crm.base import ContactUpdate
from integrations.facts import ConversationFacts, EventFacts, Goal
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord

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

SAMPLES: Mapping[Alias, tuple[Request, Request]] = {
    "crm": (
        ContactUpdate(
            idempotency_key="crm:full",
            event=EVENT,
            conversation=EVERYTHING,
            version=3,
            phone_number="+4930123456",
        ),
        ContactUpdate(
            idempotency_key="crm:least",
            event=EVENT,
            conversation=LEAST,
            version=1,
            phone_number="",
        ),
    ),
    "tickets": (
        TicketRequest(
            idempotency_key="tickets:full",
            event=EVENT,
            conversation=EVERYTHING,
            subject="Subject",
            description="Description",
            priority="high",
            requester_phone="+4930123456",
            tags=("one", "two"),
        ),
        TicketRequest(
            idempotency_key="tickets:least",
            event=EVENT,
            conversation=LEAST,
            subject="Subject",
            description="",
            priority="normal",
            requester_phone="",
        ),
    ),
    "usage": (
        UsageRecord(
            idempotency_key="usage:full",
            event=EVENT,
            conversation=EVERYTHING,
            seconds=60,
            occurred_at=NOON,
        ),
        UsageRecord(
            idempotency_key="usage:least",
            event=EVENT,
            conversation=LEAST,
            seconds=0,
            occurred_at=NOON,
        ),
    ),
    "tasks": (
        FollowUp(
            idempotency_key="tasks:full",
            event=EVENT,
            conversation=EVERYTHING,
            title="Title",
            description="Description",
            phone_number="+4930123456",
            due_at=NOON,
            assignee="Assignee",
        ),
        FollowUp(
            idempotency_key="tasks:least",
            event=EVENT,
            conversation=LEAST,
            title="Title",
            description="",
            phone_number="",
        ),
    ),
}
