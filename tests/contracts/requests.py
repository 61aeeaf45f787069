"""One ordinary request of each kind; a test names what it needs to be different."""

from datetime import UTC, datetime
from typing import Any

from integrations.crm.base import ContactUpdate, Goal
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord

ENDED_AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def make_contact_update(**changes: Any) -> ContactUpdate:
    """Return what a CRM is told of a finished call, with `changes`."""
    fields: dict[str, Any] = {
        "idempotency_key": "crm:c-1:ended",
        "conversation_uuid": "c-1",
        "version": 2,
        "phone_number": "+49301234",
        "direction": "inbound",
        "channel": "phone",
        "status": "completed",
        "agent_name": "Front desk",
        "organization_name": "Acme",
        "ended_at": ENDED_AT,
        "duration_seconds": 61,
        "summary": "Wants a call back.",
        "score": 0.5,
        "goals": (Goal("Appointment made", achieved=False, reason="No slot"),),
    }
    return ContactUpdate(**fields | changes)


def make_ticket_request(**changes: Any) -> TicketRequest:
    """Return a ticket request for a failed call, with `changes`."""
    fields: dict[str, Any] = {
        "idempotency_key": "tickets:c-1:failed",
        "conversation_uuid": "c-1",
        "subject": "Call failed",
        "description": "The line broke.",
        "priority": "high",
        "requester_phone": "+49301234",
        "tags": ("failed",),
    }
    return TicketRequest(**fields | changes)


def make_usage_record(**changes: Any) -> UsageRecord:
    """Return a minute's usage, with `changes`."""
    fields: dict[str, Any] = {
        "idempotency_key": "usage:c-1",
        "conversation_uuid": "c-1",
        "organization_uuid": "o-1",
        "agent_uuid": "a-1",
        "campaign_uuid": "",
        "seconds": 61,
        "occurred_at": ENDED_AT,
    }
    return UsageRecord(**fields | changes)


def make_follow_up(**changes: Any) -> FollowUp:
    """Return a follow-up, with `changes`."""
    fields: dict[str, Any] = {
        "idempotency_key": "tasks:c-1:0",
        "conversation_uuid": "c-1",
        "title": "Call back",
        "description": "About the invoice.",
        "phone_number": "+49301234",
        "due_at": ENDED_AT,
        "assignee": "Billing",
    }
    return FollowUp(**fields | changes)
