"""What a help desk is asked to open."""

from dataclasses import dataclass
from typing import Literal

from integrations.base import Backend, Request
from integrations.samples import EVENT, EVERYTHING, LEAST

Priority = Literal["low", "normal", "high", "urgent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRequest(Request):
    """A ticket, frozen when it was planned: a help desk refuses a known key with another body."""

    subject: str
    description: str
    priority: Priority
    requester_phone: str
    tags: tuple[str, ...] = ()


class Tickets(Backend[TicketRequest]):
    """A help desk backend."""

    serves = frozenset({"tickets"})
    samples = (
        TicketRequest(
            idempotency_key="tickets:full",
            event=EVENT,
            conversation=EVERYTHING,
            subject="Subject",
            description="Description",
            priority="high",
            requester_phone="+4930123456",
            tags=("one", "two"),
        ),
        TicketRequest(
            idempotency_key="tickets:least",
            event=EVENT,
            conversation=LEAST,
            subject="Subject",
            description="",
            priority="normal",
            requester_phone="",
        ),
    )
