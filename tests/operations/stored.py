"""Events as the receiver has stored them, and what processing makes of them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from tests.factories import EventFactory, SourceFactory
from tests.workers import process_all
from webhooks.ingest.envelope import read_envelope
from webhooks.models import Effect, Event, Source
from webhooks.operations.conversations import SAMPLE, Shape, SimulatedEvent, build_conversation

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def store(simulated: SimulatedEvent, source: Source) -> Event:
    """Store an event as if it had just been received."""
    envelope = read_envelope(simulated.body)
    return EventFactory.create(
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        source=source,
        conversation_uuid=envelope.data.conversation_uuid or "",
        agent_uuid=envelope.data.agent_uuid or "",
        created=envelope.created,
        body=simulated.body,
    )


def store_conversation(shape: Shape = SAMPLE, source: Source | None = None) -> list[Event]:
    """Store a conversation's three events, not processed yet."""
    source = source or SourceFactory.create()
    return [store(event, source) for event in build_conversation(NOW, shape).events]


def run_all(events: Iterable[Event]) -> None:
    """Have the events processed and their effects run, as the workers do."""
    process_all(events)


def make_stopped(integration: str, state: str) -> Effect:
    """Say that the newest effect of the integration has ended as `state`."""
    effect = Effect.objects.filter(integration=integration).first()
    assert effect is not None
    effect.state = state
    effect.attempts_made = effect.attempts_limit
    effect.save()
    return effect
