"""What the sender sends, made from a seed: the same seed, the same bytes at the same moments.

Conversations begin at the given rate, each with its three events a few seconds apart. Some events
overtake one another, some are delivered twice, some calls are reported again under a new event id,
and some bodies are large. Nothing is kept: any body is built again when it is sent again.
"""

import bisect
import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from webhooks.operations.conversations import (
    AGENTS,
    EXCHANGE,
    ORGANIZATION,
    SimulatedConversation,
    SimulatedEvent,
    describe_analysis,
    describe_call,
    describe_record,
    draw_shape,
)

TYPES = ("conversation.started", "conversation.ended", "conversation.analysis.completed")
"""By what the harness calls a conversation's parts: 0, 1 and 2."""

REPEATED = 0.05
"""Of the events: delivered again, in the same bytes."""
REPORTED_AGAIN = 0.01
"""Of the ends and analyses: the same call under a new event id."""
OVERTAKING = 0.06
"""Of the conversations: two of its events come in the wrong order."""
LARGE = 0.002
"""Of the conversations: with a transcript of `LARGE_BYTES`."""
LARGE_BYTES = 200_000

LONGEST_CALL = 12.0
"""Seconds from the first event of a conversation to its last, about; calls are short here."""

POISONED = -1
"""The part of an event that cannot be processed; its conversation has no other."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What to send: about `events` events at `rate` a second.

    `epoch` is when it begins, in Unix seconds; `bursts` are spans in seconds from then, as
    beginning, length and by how much the rate is multiplied.
    """

    seed: int
    events: int
    rate: float
    epoch: float
    bursts: tuple[tuple[float, float, float], ...] = ()

    @property
    def conversations(self) -> int:
        """How many there are."""
        return max(1, round(self.events / (3 + 2 * REPORTED_AGAIN)))


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """One delivery: `due` in seconds from the beginning, of a conversation's part.

    `edition` 1 is the same part under a new event id, `copy` 1 the same bytes once more.
    """

    due: float
    conversation: int
    part: int
    edition: int = field(default=0)
    copy: int = field(default=0)


def plan_deliveries(traffic: Traffic) -> list[Planned]:
    """Return all deliveries in the order in which they are due."""
    starts = draw_starts(traffic)
    deliveries = [
        planned
        for number, start in enumerate(starts)
        for planned in plan_conversation(traffic, number, start)
    ]
    deliveries.sort()
    return deliveries


def draw_starts(traffic: Traffic) -> list[float]:
    """Return when each conversation begins, in seconds from the beginning of all."""
    chance = random.Random(f"{traffic.seed}:starts")  # noqa: S311 -- it is to be repeatable
    now, starts = 0.0, []
    for _ in range(traffic.conversations):
        factor = next(
            (by for begins, lasts, by in traffic.bursts if begins <= now < begins + lasts), 1.0
        )
        starts.append(now)
        # Between evenly and by pure chance: many independent callers, and no gaps of seconds.
        now += chance.uniform(0.5, 1.5) * 3 / (traffic.rate * factor)
    return starts


def plan_conversation(traffic: Traffic, number: int, start: float) -> list[Planned]:
    """Return the deliveries of one conversation that begins at `start`."""
    chance = random.Random(f"{traffic.seed}:{number}:times")  # noqa: S311 -- it is to be repeatable
    ended = start + chance.uniform(0.5, LONGEST_CALL / 2)
    dues = [start, ended, ended + chance.uniform(0.2, LONGEST_CALL / 2)]
    if chance.random() < OVERTAKING:
        first = chance.choice((0, 1))
        dues[first], dues[first + 1] = dues[first + 1], dues[first]
    planned = [Planned(due, number, part) for part, due in enumerate(dues)]
    planned += [
        Planned(dues[part] + chance.uniform(0, 10), number, part, edition=1)
        for part in (1, 2)
        if chance.random() < REPORTED_AGAIN
    ]
    planned += [
        # At the same moment, which is a race, or a little later.
        Planned(
            one.due + chance.choice((0.0, chance.uniform(0, 10))), number, one.part, one.edition, 1
        )
        for one in planned
        if chance.random() < REPEATED
    ]
    return planned


@lru_cache(maxsize=3000)
def build_conversation(traffic: Traffic, number: int) -> SimulatedConversation:
    """Return the conversation with the bodies of its three events."""
    chance = random.Random(f"{traffic.seed}:{number}:said")  # noqa: S311 -- it is to be repeatable
    shape = draw_shape(chance)
    duration = chance.randrange(20, 600)
    now = datetime.fromtimestamp(traffic.epoch, UTC) + timedelta(seconds=number / traffic.rate)
    ended_at = now - timedelta(seconds=chance.randrange(5, 60))
    started_at = ended_at - timedelta(seconds=duration)
    name = make_conversation_uuid(traffic.seed, number)
    call = describe_call(name, started_at, chance) | {
        "campaign_contact_uuid": None  # the simulator's is another one each time
    }
    record = describe_record(started_at, duration, chance)
    if chance.random() < LARGE:
        record["messages"] = [*record["messages"], *lengthen(LARGE_BYTES)]
    end = {
        "status": shape.status,
        "ended_at": ended_at.isoformat(),
        "duration_seconds": duration,
        "answer_status": "answered",
    }
    analysis = describe_analysis(shape, now, chance)
    parts = (
        (started_at, call),
        (ended_at, call | end | record),
        (now, call | record | analysis),
    )
    events = tuple(
        build_event(make_event_id(traffic.seed, number, part, 0), TYPES[part], created, data)
        for part, (created, data) in enumerate(parts)
    )
    return SimulatedConversation(name, shape, events)


def build_body(traffic: Traffic, number: int, part: int, edition: int) -> tuple[str, bytes]:
    """Return the event id and the body of a planned delivery."""
    event = build_conversation(traffic, number).events[part]
    if edition == 0:
        return event.event_id, event.body
    event_id = make_event_id(traffic.seed, number, part, edition)
    return event_id, event.body.replace(event.event_id.encode(), event_id.encode())


def build_poison(traffic: Traffic, number: int, marker: str) -> tuple[str, bytes]:
    """Return the event id and the body of an event that cannot be processed, by its `marker`."""
    created = datetime.fromtimestamp(traffic.epoch, UTC) + timedelta(seconds=number)
    data = {
        "conversation_uuid": make_conversation_uuid(traffic.seed, f"poison-{number}"),
        "agent_uuid": AGENTS[0][0],
        "status": "failed",
        "duration_seconds": 60,
        "metadata": {"poison": marker},
    }
    event_id = make_event_id(traffic.seed, f"poison-{number}", POISONED, 0)
    event = build_event(event_id, TYPES[1], created, data)
    return event.event_id, event.body


def build_event(
    event_id: str, event_type: str, created: datetime, data: dict[str, Any]
) -> SimulatedEvent:
    """Put `data` into the sender's envelope."""
    envelope = {
        "event_id": event_id,
        "event_type": event_type,
        "created": created.isoformat(timespec="microseconds"),
        **ORGANIZATION,
        "data": data,
    }
    body = json.dumps(envelope, ensure_ascii=False).encode()
    return SimulatedEvent(event_id, event_type, data["conversation_uuid"], body)


def make_conversation_uuid(seed: int, number: int | str) -> str:
    """Return the name of a conversation."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}:{number}"))


def make_event_id(seed: int, number: int | str, part: int, edition: int) -> str:
    """Return the id of an event."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}:{number}:{part}:{edition}"))


def lengthen(size: int) -> list[dict[str, str]]:
    """Return messages of about `size` bytes."""
    lines = [{"role": role, "message": message} for role, message in EXCHANGE]
    return lines * (size // len(json.dumps(lines)) + 1)


def find_due(deliveries: list[Planned], moment: float) -> int:
    """Return how many deliveries are due at `moment`, in seconds from the beginning."""
    return bisect.bisect_right(deliveries, moment, key=lambda planned: planned.due)
