"""Where the model begins, and what is bounded so that it ends."""

import uuid
from dataclasses import dataclass, field

from django.db.models.functions import Now

from integrations.base import Alias
from tests.contracts.requests import make_usage_record
from tests.factories import ConversationFactory, EffectFactory, SigningSecretFactory
from tests.processing.model.moves import Powers, Telling
from tests.processing.model.rows import prepare_connection, read_rows
from tests.processing.model.world import EMPTY, Answer, Left, World
from tests.signing import build_event
from webhooks.ingest.envelope import read_envelope
from webhooks.ingest.recorder import Arrival
from webhooks.ingest.signatures import Proof
from webhooks.models import Event, Replay, Route

DONE, CUT, BUSY, NO = Answer


@dataclass(frozen=True, slots=True)
class Scene:
    """What may happen, how often, and to what.

    `planted` are effects of one conversation that are there; `told` is how many events the sender
    may deliver, which all report one conversation's end.
    """

    powers: Powers
    most_attempts: int = 2
    left: Left = field(default_factory=Left)
    planted: tuple[Alias, ...] = ()
    told: int = 0


SCENES = {
    "an effect": Scene(Powers(("usage",), answers=(DONE, CUT, BUSY, NO)), planted=("usage",)),
    "an effect that people revive": Scene(
        Powers(("usage",), answers=(DONE, CUT)),
        most_attempts=1,
        left=Left(retries=1, closings=1),
        planted=("usage",),
    ),
    "an effect whose vendor knows no keys": Scene(
        Powers(("usage",), answers=(DONE, CUT), is_keyed=False), planted=("usage",)
    ),
    "updates of a conversation": Scene(
        Powers(("crm",), is_several=True, answers=(DONE, CUT)),
        most_attempts=1,
        planted=("crm", "crm"),
    ),
    "an event": Scene(Powers(takes_events=True, has_faults=True), left=Left(replays=1), told=1),
    "an event of a source that people pause": Scene(
        Powers(takes_events=True), left=Left(replays=1, pauses=1), told=1
    ),
    "an end that is told twice": Scene(
        Powers(("usage",), answers=(CUT,), takes_events=True), most_attempts=1, told=2
    ),
}
"""Each visited in seconds."""

LARGE = {
    "an effect that people revive": Scene(
        Powers(("usage",), answers=(DONE, CUT, BUSY, NO)),
        left=Left(retries=1, closings=1),
        planted=("usage",),
    ),
    "an effect with three attempts": Scene(
        Powers(("usage",), answers=(DONE, CUT, BUSY, NO)), most_attempts=3, planted=("usage",)
    ),
    "an effect whose vendor knows no keys": Scene(
        Powers(("usage",), answers=(DONE, CUT, BUSY), is_keyed=False),
        left=Left(retries=1),
        planted=("usage",),
    ),
    "updates of a conversation": Scene(
        Powers(("crm",), is_several=True, answers=(DONE, BUSY)), planted=("crm", "crm")
    ),
    "an event": Scene(
        Powers(takes_events=True, has_faults=True), most_attempts=3, left=Left(replays=2), told=1
    ),
    "an event of a source that people pause": Scene(
        Powers(takes_events=True, has_faults=True), left=Left(replays=1, pauses=2), told=1
    ),
    "an end that is told twice": Scene(
        Powers(("usage",), answers=(DONE, CUT), takes_events=True), left=Left(replays=1), told=2
    ),
}
"""Each visited in minutes."""


def begin(scene: Scene) -> tuple[World, tuple[Telling, ...]]:
    """Put the first state into Postgres; return it, with two free workers, and what may be told."""
    prepare_connection()
    Replay.objects.create(reason="model", requested_from="model", selection={})
    # What one event owes is told once; of other routes there would only be more of the same.
    Route.objects.exclude(integration="usage").delete()
    plant_effects(scene.planted)
    tellings = make_tellings(scene.told)
    return World(read_rows(), (EMPTY, EMPTY), {}, scene.left), tellings


def plant_effects(aliases: tuple[Alias, ...]) -> None:
    """Plant effects of one conversation, each of an event that was processed before."""
    conversation = ConversationFactory.create()
    for number, alias in enumerate(aliases):
        key = f"{alias}-{number}"
        request = None if alias == "crm" else make_usage_record(idempotency_key=key).to_json()
        EffectFactory.create(
            conversation=conversation, integration=alias, idempotency_key=key, request=request
        )
    Event.objects.update(status=Event.Status.PROCESSED, processed_at=Now())


def make_tellings(count: int) -> tuple[Telling, ...]:
    """Return so many reports of the same conversation's end, under event ids of their own."""
    if not count:
        return ()
    secret = SigningSecretFactory.create()
    data = {"conversation_uuid": "conversation", "duration_seconds": 61, "status": "completed"}
    tellings = []
    for number in range(1, count + 1):
        body = build_event(event_id=str(uuid.UUID(int=number)), data=data)
        arrival = Arrival(secret.source_id, None, len(body))
        proof = Proof(secret.pk, None)
        tellings.append(Telling(f"event {number}", arrival, proof, read_envelope(body), body))
    return tuple(tellings)
