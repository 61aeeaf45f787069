"""What a billing system is asked to record."""

from dataclasses import dataclass
from datetime import datetime

from integrations.base import Backend, Request
from integrations.samples import EVENT, EVERYTHING, LEAST, NOON


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord(Request):
    """A conversation's billable length, frozen when it was planned.

    `seconds` is never negative. `occurred_at` is when the conversation ended, by the sender's
    clock. Whom it is billed to hangs on the conversation's organization, agent and campaign.
    """

    seconds: int
    occurred_at: datetime


class Usage(Backend[UsageRecord]):
    """A billing backend."""

    serves = frozenset({"usage"})
    samples = (
        UsageRecord(
            idempotency_key="usage:full",
            event=EVENT,
            conversation=EVERYTHING,
            seconds=60,
            occurred_at=NOON,
        ),
        UsageRecord(
            idempotency_key="usage:least",
            event=EVENT,
            conversation=LEAST,
            seconds=0,
            occurred_at=NOON,
        ),
    )
