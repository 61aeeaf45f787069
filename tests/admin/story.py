"""A conversation of which everything has a row: what the admin's pages are shown with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from integrations.ledger.models import LedgerFollowUp, LedgerTicket
from tests.factories import (
    AttemptFactory,
    DeliveryFactory,
    EventFactory,
    SigningSecretFactory,
    SourceFactory,
)
from tests.workers import process_all
from webhooks.models import (
    Attempt,
    Conversation,
    Delivery,
    Effect,
    Event,
    RejectionCount,
    Replay,
    SigningSecret,
    Source,
)

SECRET = "canary-of-the-signing-secret"
NUMBER = "+4915112345678"
TRANSCRIPT = "canary of the transcript"
SUMMARY = "canary of the summary"
GOAL = "canary of the goal"
FOLLOW_UP = "canary of the follow-up"
PERSONAL = (NUMBER, TRANSCRIPT, SUMMARY, GOAL, FOLLOW_UP)
"""What only people with the permission to see payloads may meet anywhere."""

CONVERSATION = "c0ffee00-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Story:
    """The rows that tests name; the others hang on them."""

    source: Source
    secret: SigningSecret
    conversation: Conversation
    ended: Event
    failed: Effect


def tell_story() -> Story:
    """Store and process a conversation's events, and what else can happen at the door.

    That is a duplicate, a conflict, a rejected delivery of each kind, and an effect that its
    integration refused.
    """
    source = SourceFactory.create(slug="calls", name="Calls")
    secret = SigningSecretFactory.create(source=source, value=SECRET)
    events = [
        EventFactory.create(
            source=source,
            event_type=event_type,
            conversation_uuid=CONVERSATION,
            created=datetime(2026, 3, 1, 9, minute, tzinfo=UTC),
            data=data,
        )
        for minute, (event_type, data) in enumerate(describe_conversation().items())
    ]
    for event in events:
        deliver(event, secret, Delivery.Outcome.ACCEPTED)
        process_all([event])
    deliver(events[1], secret, Delivery.Outcome.DUPLICATE)
    deliver(events[1], secret, Delivery.Outcome.CONFLICT)
    reject(source)
    Replay.objects.create(requested_from="command", reason="The CRM was down.", selection={})
    write_ledger()
    return Story(
        source=source,
        secret=secret,
        conversation=Conversation.objects.get(),
        ended=Event.objects.get(pk=events[1].pk),
        failed=refuse(Effect.objects.get(integration="tickets")),
    )


def write_ledger() -> None:
    """Have one row in each of the ledger's tables, and every text of it a canary.

    The effects have written what is known of the caller already.
    """
    LedgerTicket.objects.all().delete()
    LedgerFollowUp.objects.all().delete()
    work = {"conversation_uuid": CONVERSATION, "phone_number": NUMBER, "description": SUMMARY}
    LedgerTicket.objects.create(
        idempotency_key="ticket", subject=TRANSCRIPT, priority="high", **work
    )
    LedgerFollowUp.objects.create(
        idempotency_key="follow-up", title=FOLLOW_UP, assignee=GOAL, **work
    )


def describe_conversation() -> dict[str, dict[str, Any]]:
    """Return what each event of the conversation says, by its type."""
    call = {"from_number": NUMBER, "to_number": "+493012345", "direction": "inbound"}
    said = {"messages": [{"role": "user", "message": TRANSCRIPT}]}
    return {
        "conversation.started": call,
        "conversation.ended": {**call, **said, "status": "completed", "duration_seconds": 61},
        "conversation.analysis.completed": {
            **call,
            **said,
            "summary": SUMMARY,
            "goals": [{"name": GOAL, "achieved": False, "reason": "No time."}],
            "follow_ups": [{"title": FOLLOW_UP}],
        },
    }


def deliver(event: Event, secret: SigningSecret, outcome: Delivery.Outcome) -> None:
    """Record one more delivery of the event."""
    DeliveryFactory.create(event=event, secret=secret, outcome=outcome, signed_at=timezone.now())


def reject(source: Source) -> None:
    """Record a delivery for each way in which a signature can fail to hold."""
    for verification in Delivery.Verification:
        DeliveryFactory.create(
            event=None,
            source=source,
            outcome=Delivery.Outcome.REJECTED,
            verification=verification,
            reason="created: is required" if verification == "verified" else "",
        )
        RejectionCount.objects.create(
            source=source, hour=timezone.now(), verification=verification, count=7
        )


def refuse(effect: Effect) -> Effect:
    """Have the integration refuse the effect after two attempts that it could not take."""
    effect.attempts.all().delete()
    began = timezone.now()
    for number, outcome in enumerate(("temporary", "lost", "permanent")):
        AttemptFactory.create(
            effect=effect,
            outcome=Attempt.Outcome(outcome),
            error_class="PermanentFailure",
            error="The help desk has no such form.",
            started_at=began + timedelta(seconds=number),
            finished_at=began + timedelta(seconds=number, milliseconds=250),
        )
    effect.state = Effect.State.FAILED
    effect.reason = "The help desk has no such form."
    effect.attempts_made = 3
    effect.save()
    return effect
