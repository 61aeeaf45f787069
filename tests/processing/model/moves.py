"""What can happen in a state; each is done by the product's own functions.

The functions are looked up in their modules when they are called, so that a test can plant a bug.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple
from unittest.mock import patch

from django.db.models.functions import Now

from integrations.base import Alias
from tests.processing.model.people import (
    close_effect,
    pause_source,
    replay_event,
    resume_source,
    retry_effect,
)
from tests.processing.model.rows import OPEN, is_due, read_rows
from tests.processing.model.vendor import desk
from tests.processing.model.world import EMPTY, Answer, Hand, Left, World
from webhooks.ingest import recorder
from webhooks.ingest.envelope import Envelope
from webhooks.ingest.recorder import Arrival
from webhooks.ingest.signatures import Proof
from webhooks.models import Effect, Event
from webhooks.processing import batches, claims, drafting, effects, events, holding
from webhooks.processing.candidates import Turn


@dataclass(frozen=True, slots=True)
class Telling:
    """An event that the sender may deliver, any number of times."""

    name: str
    arrival: Arrival
    proof: Proof
    envelope: Envelope
    body: bytes


@dataclass(frozen=True, slots=True)
class Powers:
    """What may happen in a scene at all."""

    aliases: tuple[Alias, ...] = ()
    """The integrations for which workers claim; where there are several effects, also the newest
    first."""
    is_several: bool = False
    answers: tuple[Answer, ...] = ()
    is_keyed: bool = True
    """Whether the vendor applies a key that it knows no second time."""
    takes_events: bool = False
    has_faults: bool = False
    """Whether planning may raise."""


class Outcome(NamedTuple):
    """What a move changes beside rows; what is None stays as it was."""

    hand: Hand | None = None
    applied: Counter[str] | None = None
    left: Left | None = None
    ended: tuple[type[Effect] | type[Event], int] | None = None
    """The row whose time has come."""


Kind = Literal[
    "claim",
    "ask",
    "record",
    "process",
    "fail",
    "die",
    "time",
    "retry",
    "close",
    "replay",
    "pause",
    "resume",
    "release",
    "deliver",
]


@dataclass(frozen=True, slots=True)
class Move:
    """Something that can happen, by its name in a trace; `worker` is the one who makes it."""

    name: str
    kind: Kind
    do: Callable[[], Outcome]
    worker: int | None = None

    @property
    def asks_postgres(self) -> bool:
        """Whether rows can change by it."""
        return self.kind not in ("ask", "die")

    def make(self, world: World) -> World:
        """Do it to the rows in Postgres, which are `world`'s, and return what comes of it."""
        # Back-offs are drawn by lot: always the same, and none so short that it is over already.
        random.seed(4)
        hand, applied, left, ended = self.do()
        hands = list(world.hands)
        if hand is not None and self.worker is not None:
            hands[self.worker] = hand
        if ended is not None:
            hands = [end_lease(each, *ended) for each in hands]
        return World(
            rows=read_rows() if self.asks_postgres else world.rows,
            hands=tuple(hands),
            applied=world.applied if applied is None else applied,
            left=left or world.left,
        )


def list_moves(world: World, powers: Powers, tellings: tuple[Telling, ...]) -> Iterator[Move]:
    """Yield all that can happen."""
    free = 0
    for worker, hand in enumerate(world.hands):
        free += hand.is_empty
        # Of workers with nothing in hand one is as good as another.
        if not hand.is_empty or free == 1:
            yield from list_workers_moves(world, powers, worker)
    yield from list_times(world)
    yield from list_peoples_moves(world)
    if any(event["status"] == "held" for event in world.events):
        yield Move("the sweep releases what is held", "release", release)
    for telling in tellings:
        yield Move(f"{telling.name} is delivered", "deliver", partial(deliver, telling))


def list_workers_moves(world: World, powers: Powers, worker: int) -> Iterator[Move]:
    """Yield what this worker may do next."""
    hand, name = world.hands[worker], f"worker {worker + 1}"
    if hand.is_empty:
        for alias in powers.aliases:
            # With one effect each turn takes the same.
            for turn in Turn if powers.is_several else (Turn.BEST,):
                which = f"the {turn.name.lower()} for {alias}"
                claim = partial(claim_effect, alias, turn)
                yield Move(f"{name} claims {which}", "claim", claim, worker)
        if powers.takes_events:
            for claim_events in (batches.claim_fresh, batches.claim_tried):
                which = "events" if claim_events is batches.claim_fresh else "a tried event"
                take = partial(take_events, claim_events)
                yield Move(f"{name} claims {which}", "claim", take, worker)
        return
    if hand.batch is not None:
        yield Move(f"{name} processes", "process", partial(process, hand), worker)
        if powers.has_faults:
            failing = partial(process_with_fault, hand)
            yield Move(f"{name} processes, and a fault is in the way", "fail", failing, worker)
    elif hand.answer is None:
        for answer in powers.answers:
            call = partial(ask, world, powers, hand, answer)
            yield Move(f"{name} calls its vendor, which {answer}", "ask", call, worker)
    else:
        yield Move(f"{name} records", "record", partial(record, hand), worker)
    yield Move(f"{name} dies", "die", lambda: Outcome(EMPTY), worker)


def list_times(world: World) -> Iterator[Move]:
    """Yield each lease and each back-off that may come to its end."""
    for place, row in enumerate(world.effects, 1):
        if row["state"] in OPEN and not is_due(row):
            what = "the lease" if row["state"] == "running" else "the wait"
            yield Move(f"{what} of effect {place} ends", "time", partial(end, Effect, row["id"]))
    for place, row in enumerate(world.events, 1):
        if row["status"] in OPEN and not is_due(row):
            name = f"the lease or wait of event {place} ends"
            yield Move(name, "time", partial(end, Event, row["id"]))


def list_peoples_moves(world: World) -> Iterator[Move]:
    """Yield what operators may do, on pages that may be out of date."""
    left = world.left
    for place, row in enumerate(world.effects, 1):
        if left.retries:
            fewer = replace(left, retries=left.retries - 1)
            retry = partial(ask_people, retry_effect, row["id"], fewer)
            yield Move(f"somebody retries effect {place}", "retry", retry)
        if left.closings:
            fewer = replace(left, closings=left.closings - 1)
            close = partial(ask_people, close_effect, row["id"], fewer)
            yield Move(f"somebody closes effect {place}", "close", close)
    for place, row in enumerate(world.events, 1):
        if left.replays:
            fewer = replace(left, replays=left.replays - 1)
            again = partial(ask_people, replay_event, row["id"], fewer)
            yield Move(f"somebody replays event {place}", "replay", again)
    for row in world.rows["webhooks_source"]:
        if row["is_paused"]:
            resume = partial(ask_people, resume_source, row["id"], left)
            yield Move("somebody resumes the source", "resume", resume)
        elif left.pauses:
            fewer = replace(left, pauses=left.pauses - 1)
            pause = partial(ask_people, pause_source, row["id"], fewer)
            yield Move("somebody pauses the source", "pause", pause)


def claim_effect(alias: Alias, turn: Turn) -> Outcome:
    """Claim the effect whose turn it is, if there is one."""
    found = claims.claim_best(alias, turn)
    if isinstance(found, claims.Claim):
        return Outcome(Hand(claim=found, live=frozenset({found.effect.pk})))
    return Outcome(EMPTY)


def take_events(claim: Callable[[], batches.Batch | None]) -> Outcome:
    """Claim a batch of events, if any is due."""
    batch = claim()
    return Outcome(Hand(batch=batch, live=frozenset(batch.keys)) if batch else EMPTY)


def process(hand: Hand) -> Outcome:
    """Process the events in hand."""
    assert hand.batch is not None
    events.process_batch(hand.batch)
    return Outcome(EMPTY)


def process_with_fault(hand: Hand) -> Outcome:
    """Process the events in hand, with a fault that lets none of them be planned."""
    with patch.object(drafting, "find_owed", side_effect=ZeroDivisionError):
        return process(hand)


def ask(world: World, powers: Powers, hand: Hand, answer: Answer) -> Outcome:
    """Have the vendor answer; the worker's lease may be over by then."""
    assert hand.claim is not None
    applied = Counter(world.applied)
    key = hand.claim.effect.idempotency_key
    if answer.is_applied and not (powers.is_keyed and applied[key]):
        applied[key] += 1
    return Outcome(replace(hand, answer=answer), applied)


def record(hand: Hand) -> Outcome:
    """Run the claimed effect to its end; the vendor is asked nothing that it was not asked."""
    assert hand.claim is not None
    assert hand.answer is not None
    desk.answer = hand.answer
    desk.applied.clear()
    effects.run_effect(hand.claim)
    assert desk.applied == {hand.claim.effect.idempotency_key: 1}
    return Outcome(EMPTY)


def end(model: type[Effect] | type[Event], pk: int) -> Outcome:
    """Let the row's time come: of all that are due, it has been so for the shortest time."""
    model._default_manager.filter(pk=pk).update(due_at=Now())  # noqa: SLF001 -- documented API
    return Outcome(ended=(model, pk))


def end_lease(hand: Hand, model: type[Effect] | type[Event], pk: int) -> Hand:
    """Return the hand without a lease on the row."""
    is_meant = hand.claim is not None if model is Effect else hand.batch is not None
    return replace(hand, live=hand.live - {pk}) if is_meant else hand


def ask_people(act: Callable[[int], None], pk: int, left: Left) -> Outcome:
    """Have somebody do something with a row."""
    act(pk)
    return Outcome(left=left)


def release() -> Outcome:
    """Bring back what is held, as the sweep does."""
    holding.release_held()
    return Outcome()


def deliver(telling: Telling) -> Outcome:
    """Record a delivery as the view does."""
    recorder.record_event(telling.arrival, telling.proof, telling.envelope, telling.body)
    return Outcome()
