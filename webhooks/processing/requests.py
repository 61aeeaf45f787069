"""Say what an effect asks of its integration.

What is created once (a ticket, a usage record, a follow-up) is settled when the effect is
planned and stays as it is, since vendors refuse a known key with another body. What is updated
(the contact and the call) is rendered from the conversation when the effect runs.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from django.conf import settings
from django.utils.dateparse import parse_date

from integrations.base import Alias, Request
from integrations.crm.base import ContactUpdate
from integrations.exceptions import PermanentFailure
from integrations.facts import ConversationFacts, EventFacts, Goal
from integrations.kinds import REQUESTS
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord
from webhooks.models import Conversation, Effect, Event
from webhooks.processing.analysis import FollowUpItem, read_moment
from webhooks.processing.projection import STAGES, Facts

CARRIED = (
    "organization_uuid",
    "organization_name",
    "agent_uuid",
    "agent_name",
    "campaign_uuid",
    "channel",
    "direction",
    "from_number",
    "to_number",
    "status",
    "started_at",
    "answer_status",
    "ended_at",
    "duration_seconds",
    "score",
    "summary",
)
"""What facts and conversation call by the same name."""


def build_event_facts(event: Event) -> EventFacts:
    """Return what a request carries of the event that asked for it."""
    return EventFacts(
        event_id=str(event.event_id), event_type=event.event_type, created=event.created
    )


def build_conversation_facts(conversation: Conversation) -> ConversationFacts:
    """Return all that is known of the conversation now."""
    return ConversationFacts(
        conversation_uuid=conversation.conversation_uuid,
        url=build_url(conversation.conversation_uuid),
        goals=tuple(Goal(**goal) for goal in conversation.goals),
        **{name: getattr(conversation, name) for name in CARRIED},
    )


def build_url(conversation_uuid: str) -> str:
    """Return where a person can read the conversation; empty where no setting says so."""
    url: str = settings.CONVERSATION_URL.format(conversation_uuid=quote(conversation_uuid, safe=""))
    return url


def settle_facts(event: Event, conversation: Conversation) -> dict[str, Any]:
    """Return the facts for a request that `event` freezes.

    They leave out what only a later stage says: what is settled once must not hang on whether
    another event has overtaken this one.
    """
    stage = STAGES.get(event.event_type, 0)
    facts = build_conversation_facts(conversation)
    if stage < STAGES["conversation.ended"]:
        facts = replace(facts, answer_status="", ended_at=None, duration_seconds=None)
    if stage < STAGES["conversation.analysis.completed"]:
        facts = replace(facts, score=None, summary="", goals=())
    return {"event": build_event_facts(event), "conversation": facts}


def build_contact_update(key: str, event: Event, conversation: Conversation) -> ContactUpdate:
    """Return all that is known of the conversation now."""
    return ContactUpdate(
        idempotency_key=key,
        event=build_event_facts(event),
        conversation=build_conversation_facts(conversation),
        version=conversation.version,
        phone_number=conversation.other_party,
    )


def build_usage_record(key: str, event: Event, conversation: Conversation) -> UsageRecord:
    """Return the billable seconds of an ended conversation.

    Raises `PermanentFailure` where nothing says how long it was: billing 0 would be a guess.
    """
    if conversation.duration_seconds is None:
        raise PermanentFailure("No event says how long the conversation was.")
    return UsageRecord(
        idempotency_key=key,
        **settle_facts(event, conversation),
        seconds=conversation.duration_seconds,
        occurred_at=conversation.ended_at or event.created,
    )


def build_ticket(key: str, event: Event, conversation: Conversation) -> TicketRequest:
    """Return the ticket for a conversation, urgent to a degree where it failed."""
    failed = conversation.status == Conversation.Status.FAILED
    status = conversation.status or "unknown"
    return TicketRequest(
        idempotency_key=key,
        **settle_facts(event, conversation),
        subject=("Failed conversation with " if failed else "Conversation with ")
        + (conversation.agent_name or "an agent"),
        description=describe(conversation, f"The conversation's status is {status}."),
        priority="high" if failed else "normal",
        requester_phone=conversation.other_party,
        tags=("switchboard", "call-failed") if failed else ("switchboard",),
    )


def build_goal_failed_ticket(
    key: str, event: Event, conversation: Conversation, facts: Facts
) -> TicketRequest:
    """Return the ticket for a conversation whose analysis found goals that were not achieved."""
    missed = [goal for goal in facts.values.get("goals", []) if goal["achieved"] is False]
    lines = [
        f"- {goal['name']}" + (f": {goal['reason']}" if goal["reason"] else "") for goal in missed
    ]
    return TicketRequest(
        idempotency_key=key,
        **settle_facts(event, conversation),
        subject=f"Goal not achieved: {', '.join(goal['name'] for goal in missed)}"[:200],
        description=describe(conversation, "Goals that were not achieved:\n" + "\n".join(lines)),
        priority="normal",
        requester_phone=conversation.other_party,
        tags=("switchboard", "goal-failed"),
    )


def build_follow_up_ticket(
    key: str, event: Event, conversation: Conversation, item: FollowUpItem
) -> TicketRequest:
    """Return the ticket for one follow-up, where a route leads follow-ups to the help desk."""
    return TicketRequest(
        idempotency_key=key,
        **settle_facts(event, conversation),
        subject=item.title,
        description=describe(conversation, item.description),
        priority="normal",
        requester_phone=conversation.other_party,
        tags=("switchboard", "follow-up"),
    )


def build_follow_up(
    key: str, event: Event, conversation: Conversation, item: FollowUpItem
) -> FollowUp:
    """Return one follow-up that the analysis asks for."""
    return FollowUp(
        idempotency_key=key,
        **settle_facts(event, conversation),
        title=item.title,
        description=describe(conversation, item.description),
        phone_number=conversation.other_party,
        due_at=read_due(item.due_at),
        assignee=item.assignee,
    )


def describe(conversation: Conversation, text: str) -> str:
    """Return `text` with the conversation's name below it, so that a reader finds it again."""
    return f"{text}\n\nConversation {conversation.conversation_uuid}".strip()


def read_due(text: str) -> datetime | None:
    """Return the time, or the beginning of the day in UTC, that `text` names; None if neither."""
    moment = read_moment(text)
    if moment is not None:
        return moment
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def load_request(effect: Effect) -> Request:
    """Return what `effect` asks for: as settled when it was planned, or as things are now.

    Raises `PermanentFailure` where it cannot be said.
    """
    if effect.request is not None:
        return REQUESTS[cast("Alias", effect.integration)].from_json(effect.request)
    if effect.integration == Effect.Integration.USAGE:
        return build_usage_record(effect.idempotency_key, effect.event, effect.conversation)
    return build_contact_update(effect.idempotency_key, effect.event, effect.conversation)
