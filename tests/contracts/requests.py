"""One ordinary request of each kind; a test names what it needs to be different.

`changes` may also name fields of the conversation.
"""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from integrations.crm.base import ContactUpdate
from integrations.facts import ConversationFacts, EventFacts, Goal
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord

ENDED_AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
OF_THE_CONVERSATION = {field.name for field in fields(ConversationFacts)}


def make_facts(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a request's event and conversation, and take out of `changes` what is about them."""
    named = {name: changes.pop(name) for name in OF_THE_CONVERSATION & changes.keys()}
    known: dict[str, Any] = {
        "conversation_uuid": "c-1",
        "url": "https://voice.example.com/conversations/c-1",
        "organization_uuid": "o-1",
        "organization_name": "Acme",
        "agent_uuid": "a-1",
        "agent_name": "Front desk",
        "channel": "phone",
        "direction": "inbound",
        "from_number": "+49301234",
        "to_number": "+49307654321",
        "status": "completed",
        "ended_at": ENDED_AT,
        "duration_seconds": 61,
        "score": 0.5,
        "summary": "Wants a call back.",
        "goals": (Goal("Appointment made", achieved=False, reason="No slot"),),
    }
    return {
        "event": EventFacts(event_id="e-1", event_type="conversation.ended", created=ENDED_AT),
        "conversation": ConversationFacts(**known | named),
    }


def make_contact_update(**changes: Any) -> ContactUpdate:
    """Return what a CRM is told of a finished call, with `changes`."""
    known: dict[str, Any] = {
        **make_facts(changes),
        "idempotency_key": "crm:c-1:ended",
        "version": 2,
        "phone_number": "+49301234",
    }
    return ContactUpdate(**known | changes)


def make_ticket_request(**changes: Any) -> TicketRequest:
    """Return a ticket request for a failed call, with `changes`."""
    known: dict[str, Any] = {
        **make_facts(changes),
        "idempotency_key": "tickets:c-1:failed",
        "subject": "Call failed",
        "description": "The line broke.",
        "priority": "high",
        "requester_phone": "+49301234",
        "tags": ("failed",),
    }
    return TicketRequest(**known | changes)


def make_usage_record(**changes: Any) -> UsageRecord:
    """Return a minute's usage, with `changes`."""
    known: dict[str, Any] = {
        **make_facts(changes),
        "idempotency_key": "usage:c-1",
        "seconds": 61,
        "occurred_at": ENDED_AT,
    }
    return UsageRecord(**known | changes)


def make_follow_up(**changes: Any) -> FollowUp:
    """Return a follow-up, with `changes`."""
    known: dict[str, Any] = {
        **make_facts(changes),
        "idempotency_key": "tasks:c-1:0",
        "title": "Call back",
        "description": "About the invoice.",
        "phone_number": "+49301234",
        "due_at": ENDED_AT,
        "assignee": "Billing",
    }
    return FollowUp(**known | changes)
