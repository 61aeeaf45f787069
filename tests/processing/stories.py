"""Conversations told in events, as often and in whatever order a test wants them told."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.forms.models import model_to_dict

from integrations.ledger.models import (
    LedgerActivity,
    LedgerContact,
    LedgerFollowUp,
    LedgerTicket,
    LedgerUsageRecord,
)
from tests.factories import EventFactory
from tests.workers import process_event, run_due
from webhooks.models import Conversation, Effect, Event, Source

STARTED = "conversation.started"
ENDED = "conversation.ended"
ANALYSED = "conversation.analysis.completed"

PARTIES: dict[str, Any] = {
    "agent_name": "Ava",
    "channel": "phone",
    "direction": "inbound",
    "from_number": "+12025550123",
    "to_number": "+12025550100",
    "campaign_uuid": "campaign-1",
    "started_at": "2026-01-01T10:00:00Z",
}
END: dict[str, Any] = {
    "status": "failed",
    "ended_at": "2026-01-01T10:01:00Z",
    "duration_seconds": 60,
    "answer_status": "answered",
}
ANALYSIS: dict[str, Any] = {
    "summary": "Wants an appointment.",
    "score": 4.5,
    "goals": [
        {"name": "Booked", "achieved": False, "reason": "Hung up."},
        {"name": "Polite", "achieved": True},
    ],
    "follow_ups": [{"title": "Call back", "due_at": "2026-01-02"}, "Send prices"],
}


@dataclass(frozen=True, slots=True)
class Telling:
    """One event of a conversation that is yet to be stored."""

    event_type: str
    data: dict[str, Any]
    created: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    agent_uuid: str = "agent-1"
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)


def tell_whole(**parties: Any) -> list[Telling]:
    """Return the three events of a conversation that owes something to every integration."""
    said = PARTIES | parties
    return [
        Telling(STARTED, said),
        Telling(ENDED, said | END),
        Telling(ANALYSED, said | ANALYSIS),
    ]


def store(tellings: Iterable[Telling], source: Source, conversation_uuid: str) -> list[Event]:
    """Store the events as the recorder does, in this order."""
    return [
        EventFactory.create(
            source=source,
            conversation_uuid=conversation_uuid,
            event_type=telling.event_type,
            event_id=telling.event_id,
            created=telling.created,
            agent_uuid=telling.agent_uuid,
            data=telling.data,
        )
        for telling in tellings
    ]


def process(event: Event) -> list[int]:
    """Process the event as the task does, and return the effects that it wants run."""
    return [effect.pk for effect in process_event(event.pk)]


def reopen(event: Event) -> None:
    """Make the event pending, as a replay does."""
    Event.objects.filter(pk=event.pk).update(
        status=Event.Status.PENDING, attempts=0, due_at=Now(), error=""
    )


def find_due(conversation_uuid: str) -> list[int]:
    """Return the effects of the conversation that a worker could run now."""
    due = Effect.objects.filter(
        conversation__conversation_uuid=conversation_uuid,
        state__in=(Effect.State.PENDING, Effect.State.RUNNING),
        due_at__lte=Now(),
    )
    return list(due.order_by("pk").values_list("pk", flat=True))


def run_all(conversation_uuid: str) -> None:
    """Run what is due until nothing of the conversation is."""
    while find_due(conversation_uuid):
        assert run_due()


def read_conversation(conversation_uuid: str) -> dict[str, Any]:
    """Return all facts and stamps of the conversation."""
    conversation = Conversation.objects.get(conversation_uuid=conversation_uuid)
    facts = model_to_dict(conversation)
    del facts["id"], facts["version"]
    return facts


def read_effects(conversation_uuid: str) -> dict[str, str]:
    """Return the state of every effect that is owed, by its key."""
    effects = Effect.objects.filter(conversation__conversation_uuid=conversation_uuid)
    return dict(effects.exclude(state=Effect.State.SKIPPED).values_list("idempotency_key", "state"))


def read_ledger(conversation_uuid: str) -> dict[str, Any]:
    """Return everything that the ledger holds for the conversation, without ids and times."""
    (activity,) = LedgerActivity.objects.filter(conversation_uuid=conversation_uuid)
    contact = LedgerContact.objects.filter(activities=activity).first()
    held: dict[str, Any] = {
        "activity": model_to_dict(activity, exclude=["id", "contact", "version"]),
        "contact": contact.phone_number if contact else None,
    }
    for model in (LedgerTicket, LedgerUsageRecord, LedgerFollowUp):
        records = model.objects.filter(conversation_uuid=conversation_uuid)
        held[model.__name__] = [
            model_to_dict(record, exclude=["id"]) for record in records.order_by("idempotency_key")
        ]
    return held


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block does to the database."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
