"""What a CRM is asked to know about a conversation."""

from dataclasses import dataclass, field
from datetime import datetime

from integrations.base import Backend, Request
from integrations.text import StorableText


@dataclass(frozen=True, slots=True)
class Goal(StorableText):
    """One goal of the analysis; `achieved` is None where the analysis left it open."""

    name: str
    achieved: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactUpdate(Request):
    """All that is known of a conversation now, to be written over what the CRM had.

    Rendered when the effect is applied, not when it was planned: writing it twice, or after a
    later one, must leave the CRM as the highest `version` says. `version` grows with each event
    that the conversation has taken in.
    """

    version: int
    phone_number: str
    """The other party's number as the sender gave it; empty for web calls and hidden numbers."""
    direction: str
    channel: str
    status: str
    agent_name: str
    organization_name: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    answer_status: str = ""
    summary: str = ""
    score: float | None = None
    goals: tuple[Goal, ...] = field(default=())


class CRM(Backend[ContactUpdate]):
    """A CRM backend."""

    serves = frozenset({"crm"})
