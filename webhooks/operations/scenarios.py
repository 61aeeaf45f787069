"""What a sender may do to a receiver, and what must be answered."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webhooks.operations.conversations import (
    SimulatedConversation,
    build_conversation,
    build_event,
    draw_shape,
)
from webhooks.operations.simulator import Answer, SimulatedDelivery

LONG_AGO = timedelta(days=2)
"""Older than the widest replay window that a source can have."""

BLOCK = 500
"""Conversations of a burst that are held at a time; a shuffle mixes these."""


@dataclass(frozen=True, slots=True)
class Step:
    """One delivery, and the HTTP status and outcome that it must be answered with."""

    delivery: SimulatedDelivery
    http_status: int
    outcome: str

    def is_met_by(self, answer: Answer) -> bool:
        """Tell whether the receiver did what it must.

        A delivery that was tried again may find that its first try was recorded after all: it is
        a duplicate then, as it is for any sender.
        """
        if (answer.http_status, answer.outcome) == (self.http_status, self.outcome):
            return True
        return answer.tries > 1 and self.outcome == "accepted" and is_duplicate(answer)


def is_duplicate(answer: Answer) -> bool:
    """Tell whether the receiver knew the event already."""
    return (answer.http_status, answer.outcome) == (200, "duplicate")


def accepted(delivery: SimulatedDelivery) -> Step:
    """Return the step for a delivery that is genuine and new."""
    return Step(delivery, 202, "accepted")


def rejected(delivery: SimulatedDelivery) -> Step:
    """Return the step for a delivery that must not be believed."""
    return Step(delivery, 401, "rejected")


def plan_conversation(now: datetime) -> list[Step]:
    """A whole conversation, in order."""
    return [accepted(SimulatedDelivery(event)) for event in build_conversation(now).events]


def plan_duplicate(now: datetime) -> list[Step]:
    """Each event twice: the second time it is known."""
    return [
        step
        for first in plan_conversation(now)
        for step in (first, replace(first, http_status=200, outcome="duplicate"))
    ]


def plan_reordered(now: datetime) -> list[Step]:
    """The last event first."""
    return plan_conversation(now)[::-1]


def plan_tampered(now: datetime) -> list[Step]:
    """A changed body under a real event's id and signature, then the real one, still new."""
    event = build_conversation(now).events[0]
    return [
        rejected(SimulatedDelivery(event, is_tampered=True)),
        accepted(SimulatedDelivery(event)),
    ]


def plan_stale(now: datetime) -> list[Step]:
    """A genuine delivery that somebody has kept, then the event sent anew."""
    event = build_conversation(now).events[0]
    return [
        rejected(SimulatedDelivery(event, age=LONG_AGO)),
        accepted(SimulatedDelivery(event)),
    ]


def plan_unknown_type(now: datetime) -> list[Step]:
    """An event of a type that nobody knows yet: kept, and nothing is owed for it."""
    conversation = build_conversation(now)
    event = build_event(
        "conversation.simulated", now, {"conversation_uuid": conversation.conversation_uuid}
    )
    return [accepted(SimulatedDelivery(event))]


SCENARIOS: Mapping[str, Callable[[datetime], list[Step]]] = {
    "conversation": plan_conversation,
    "duplicate": plan_duplicate,
    "reordered": plan_reordered,
    "tampered": plan_tampered,
    "stale": plan_stale,
    "unknown-type": plan_unknown_type,
}
"""The scenarios of a few steps, by name; a burst is a class of its own."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Many conversations at once: `count` of them, and a share of `duplicates` sent twice.

    With `shuffle`, in any order. `seed` makes the conversations, the duplicates and the order the
    same each time, under new ids.
    """

    count: int
    duplicates: float = 0.0
    shuffle: bool = False
    seed: int | None = None

    def plan(
        self, now: datetime, note: Callable[[SimulatedConversation], object]
    ) -> Iterator[SimulatedDelivery]:
        """Yield the deliveries, block by block; `note` is told each conversation."""
        chance = random.Random(self.seed)  # noqa: S311 -- nothing to guess here
        for start in range(0, self.count, BLOCK):
            deliveries = []
            for _ in range(min(BLOCK, self.count - start)):
                conversation = build_conversation(now, draw_shape(chance), chance)
                note(conversation)
                for event in conversation.events:
                    copies = 2 if chance.random() < self.duplicates else 1
                    deliveries += [SimulatedDelivery(event)] * copies
            if self.shuffle:
                chance.shuffle(deliveries)
            yield from deliveries


REFUSALS = {
    "signature_mismatch": (
        "it was signed with another secret than the source's, or another scheme; unless the secret"
        " was given, it is this DATA_DIR's: is that the DATA_DIR of the receiver at {url}?"
    ),
    "missing_signature": "the source reads the signature from another header.",
    "malformed_signature": "the source expects the signature to be written in another way.",
    "missing_timestamp": "the source reads the timestamp from another header.",
    "malformed_timestamp": "the source cannot read the timestamp.",
    "stale_timestamp": "the clocks of this machine and the receiver's differ too much.",
    "no_active_secret": "the source has no active secret.",
}


def explain_answer(step: Step, answer: Answer, url: str) -> str:
    """Return in one sentence why `answer` is not what `step` expects, as far as it can be told.

    `url` is the address that the answer came from.
    """
    told = f"{answer.http_status} {answer.reason or answer.outcome}".strip()
    if answer.http_status == 404:  # noqa: PLR2004 -- HTTP's own number, as below
        return "The receiver has no active source of this name there (404)."
    if answer.http_status >= 500:  # noqa: PLR2004
        return f"The receiver could not take the event in: {told}, {answer.tries} times."
    if 300 <= answer.http_status < 400:  # noqa: PLR2004
        return f"The address redirects ({told}), which senders do not follow: give the final one."
    if step.outcome == "rejected":
        return f"The receiver answered {told} to a delivery that it must reject."
    if answer.http_status == 401:  # noqa: PLR2004
        why = REFUSALS.get(answer.reason, "no reason that is known here.").format(url=url)
        return f"The receiver rejected a genuine delivery ({answer.reason}): {why}"
    return f"The receiver answered {told} instead of {step.http_status} {step.outcome}."
