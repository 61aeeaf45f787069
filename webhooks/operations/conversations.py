"""Make up conversations as the sender would report them.

Names, numbers and addresses are ones that nobody has: they are set aside for examples
(example.com by RFC 2606, 203.0.113.0/24 by RFC 5737, +1 202 555 01xx by the numbering plan).
"""

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ORGANIZATION = {
    "organization_uuid": "5f6b1c1e-8a43-4a7e-9d0b-2c1f4e8a7b10",
    "organization_name": "Example Dental Group",
}
AGENTS = (
    ("0b1d7c52-4f0e-4c0a-b7a2-6d1f5b0c9e21", "Ava, appointments"),
    ("6a9e3d84-1b7f-4e52-8c3d-9f2a7c4b5d32", "Noah, billing"),
    ("c4f2b8a6-7d39-4b15-a6e8-3b5d9e1f7a43", "Mia, reception"),
)
GOALS = ("Appointment booked", "Caller identified", "Insurance confirmed")
FOLLOW_UPS = ("Send the price list", "Call back about the insurance", "Confirm the appointment")
EXCHANGE = (
    ("agent", "Good morning, you have reached Example Dental. How can I help?"),
    ("user", "Hello, I would like to come in for a check-up, if possible this week."),
    ("agent", "Of course. May I have your date of birth, please?"),
    ("user", "The fourth of May, nineteen eighty-six."),
    ("agent", "Thank you. I have Thursday at ten or Friday at a quarter past three."),
    ("user", "Friday would be fine."),
    ("agent", "Then I will see whether the dentist is free at that time."),
    ("user", "Could you also tell me what a cleaning costs?"),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a conversation went, as far as that decides what is owed for it."""

    status: str = "completed"
    missed_goals: int = 0
    follow_ups: int = 0

    def count_owed(self) -> dict[str, int]:
        """Return how many effects each integration is owed for it by the default routes."""
        tickets = (self.status == "failed") + (self.missed_goals > 0)
        return {"crm": 3, "usage": 1, "tickets": tickets, "tasks": self.follow_ups}


SAMPLE = Shape(missed_goals=1, follow_ups=1)
"""Gives every integration something to do."""


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """One event with its body, which is the same bytes at each delivery."""

    event_id: str
    event_type: str
    conversation_uuid: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SimulatedConversation:
    """A conversation's three events, in the order in which they happened."""

    conversation_uuid: str
    shape: Shape
    events: tuple[SimulatedEvent, ...]


def draw_shape(chance: random.Random) -> Shape:
    """Return how a conversation of a busy day may go: a tenth fail, a quarter miss a goal."""
    failed = chance.random() < 0.1  # noqa: PLR2004 -- the docstring's tenth
    return Shape(
        status="failed" if failed else chance.choice(("completed", "completed", "transferred")),
        missed_goals=chance.choice((1, 2)) if failed or chance.random() < 0.25 else 0,  # noqa: PLR2004 -- its quarter
        follow_ups=chance.choice((0, 0, 1, 2)),
    )


def build_conversation(
    now: datetime, shape: Shape = SAMPLE, chance: random.Random | None = None
) -> SimulatedConversation:
    """Return a conversation that was analysed at `now`.

    `chance` decides what was said to whom for how long. Ids are new each time even so: whoever
    repeats a draw wants other events of the same kind, not the same ones with other bodies.
    """
    chance = chance or random.Random()  # noqa: S311 -- nothing to guess here
    conversation_uuid = str(uuid.uuid4())
    duration = chance.randrange(20, 600)
    ended_at = now - timedelta(seconds=chance.randrange(5, 60))
    started_at = ended_at - timedelta(seconds=duration)
    call = describe_call(conversation_uuid, started_at, chance)
    record = describe_record(started_at, duration, chance)
    end = {
        "status": shape.status,
        "ended_at": ended_at.isoformat(),
        "duration_seconds": duration,
        "answer_status": "answered",
    }
    analysis = describe_analysis(shape, now, chance)
    return SimulatedConversation(
        conversation_uuid,
        shape,
        (
            build_event("conversation.started", started_at, call),
            build_event("conversation.ended", ended_at, call | end | record),
            build_event("conversation.analysis.completed", now, call | record | analysis),
        ),
    )


def build_event(event_type: str, created: datetime, data: dict[str, Any]) -> SimulatedEvent:
    """Put `data` into an envelope with a new event id."""
    event_id = str(uuid.uuid4())
    envelope = {
        "event_id": event_id,
        "event_type": event_type,
        "created": created.isoformat(timespec="microseconds"),
        **ORGANIZATION,
        "data": data,
    }
    body = json.dumps(envelope, ensure_ascii=False).encode()
    return SimulatedEvent(event_id, event_type, data["conversation_uuid"], body)


def describe_call(
    conversation_uuid: str, started_at: datetime, chance: random.Random
) -> dict[str, Any]:
    """Return what every event says of the call."""
    agent_uuid, agent_name = chance.choice(AGENTS)
    direction = chance.choice(("inbound", "inbound", "outbound"))
    ours, theirs = "+12025550100", f"+120255501{chance.randrange(1, 100):02}"
    is_campaign = direction == "outbound"
    return {
        "conversation_uuid": conversation_uuid,
        "agent_uuid": agent_uuid,
        "agent_name": agent_name,
        "channel": "phone",
        "started_at": started_at.isoformat(),
        "from_number": ours if is_campaign else theirs,
        "to_number": theirs if is_campaign else ours,
        "ip_address": None,
        "campaign_uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, "example.com"))
        if is_campaign
        else None,
        "campaign_contact_uuid": str(uuid.uuid4()) if is_campaign else None,
        "direction": direction,
        "room_sid": f"RM_{chance.getrandbits(48):012x}",
        "metadata": {"line": chance.choice(("main", "evening"))},
    }


def describe_record(started_at: datetime, duration: int, chance: random.Random) -> dict[str, Any]:
    """Return the transcript and timeline of a call of `duration` seconds."""
    said = EXCHANGE[: chance.randrange(2, len(EXCHANGE) + 1)]
    step = duration / (len(said) + 1)
    messages: list[dict[str, Any]] = [
        {
            "role": role,
            "message": message,
            "timestamp": (started_at + timedelta(seconds=step * number)).isoformat(),
        }
        for number, (role, message) in enumerate(said)
    ]
    messages.append(
        {
            "role": "tool",
            "message": "",
            "timestamp": (started_at + timedelta(seconds=step * len(said))).isoformat(),
            "name": "find_free_slots",
            "result": {"slots": chance.randrange(5)},
        }
    )
    return {
        "messages": messages,
        "events": [
            {"type": "call_answered", "timestamp": started_at.isoformat()},
            {
                "type": "call_ended",
                "timestamp": (started_at + timedelta(seconds=duration)).isoformat(),
            },
        ],
    }


def describe_analysis(shape: Shape, now: datetime, chance: random.Random) -> dict[str, Any]:
    """Return an analysis with as many missed goals and follow-ups as `shape` has."""
    missed = set(chance.sample(GOALS, shape.missed_goals))
    goals = [
        {
            "name": name,
            "achieved": name not in missed,
            "reason": "The caller hung up first." if name in missed else "",
        }
        for name in GOALS
    ]
    due_at = (now + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    return {
        "goals": goals,
        "score": round(10 * (1 - len(missed) / len(GOALS)) - chance.random(), 1),
        "summary": f"The caller asked for an appointment; {len(missed)} of the goals were missed.",
        "follow_ups": [
            {"title": title, "due_at": due_at.isoformat()}
            for title in chance.sample(FOLLOW_UPS, shape.follow_ups)
        ],
    }
