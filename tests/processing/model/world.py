"""What a state of the model is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from webhooks.processing.batches import Batch
from webhooks.processing.claims import Claim

Row = dict[str, Any]
Rows = dict[str, list[Row]]


class Answer(StrEnum):
    """What a vendor does with a request, as the worker that sent it learns."""

    DONE = "applies it"
    CUT = "applies it, and the connection is lost before the answer"
    BUSY = "cannot now"
    NO = "never will"

    @property
    def is_applied(self) -> bool:
        """Whether the vendor has done what was asked."""
        return self in (Answer.DONE, Answer.CUT)


@dataclass(frozen=True, slots=True)
class Hand:
    """What a worker has in memory: a claimed effect or a batch of events, or nothing.

    `live` are the keys of those rows in it of which the lease has not ended.
    """

    claim: Claim | None = None
    batch: Batch | None = None
    live: frozenset[int] = frozenset()
    answer: Answer | None = None
    """What the vendor has said, and is yet to be recorded."""

    @property
    def is_empty(self) -> bool:
        """Whether the worker is free to take something up."""
        return self.claim is None and self.batch is None


EMPTY = Hand()


@dataclass(frozen=True, slots=True)
class Left:
    """How often people may still do what they could do for ever."""

    retries: int = 0
    closings: int = 0
    replays: int = 0
    pauses: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """Everything that decides what can happen next. `applied` counts by business key."""

    rows: Rows
    hands: tuple[Hand, ...]
    applied: Mapping[str, int]
    left: Left

    @property
    def events(self) -> list[Row]:
        """The rows of the events, in the order in which they came."""
        return self.rows["webhooks_event"]

    @property
    def effects(self) -> list[Row]:
        """The rows of the effects, in the order in which they were planned."""
        return self.rows["webhooks_effect"]

    def is_paused(self, event: Row) -> bool:
        """Tell whether the event's source is paused."""
        paused = {row["id"] for row in self.rows["webhooks_source"] if row["is_paused"]}
        return event["source_id"] in paused

    def find_event(self, pk: int) -> Row:
        """Return the event's row; events are never deleted."""
        return next(row for row in self.events if row["id"] == pk)

    def find_effect(self, pk: int) -> Row | None:
        """Return the effect's row, if it is there."""
        return next((row for row in self.effects if row["id"] == pk), None)

    def list_attempts(self, effect: Row) -> list[Row]:
        """Return the effect's attempts by number."""
        own = [row for row in self.rows["webhooks_attempt"] if row["effect_id"] == effect["id"]]
        return sorted(own, key=lambda row: int(row["number"]))
