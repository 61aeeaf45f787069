"""What a help desk is asked to open."""

from dataclasses import dataclass
from typing import Literal

from integrations.base import Backend, Request

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
