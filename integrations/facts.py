"""What every request carries of the event and the conversation that it is about.

Field mappings are templates over these, so their names are part of what operators rely on.
"""

from dataclasses import dataclass, field
from datetime import datetime

from integrations.text import StorableText


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts(StorableText):
    """The event that asked for the side effect."""

    event_id: str
    event_type: str
    created: datetime
    """When the sender created it, by the sender's clock."""


@dataclass(frozen=True, slots=True)
class Goal(StorableText):
    """One goal of the analysis; `achieved` is None where the analysis left it open."""

    name: str
    achieved: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFacts(StorableText):
    """A conversation as far as it is known; texts are empty and the rest is None where it is not.

    The words of `direction` (inbound, outbound, internal), `channel` (phone, web, test, unknown)
    and `status` (in_progress, completed, failed, transferred) are the sender's, which may use
    others too.
    """

    conversation_uuid: str
    url: str = ""
    """Where a person can read the conversation, by the setting `CONVERSATION_URL`."""
    organization_uuid: str = ""
    organization_name: str = ""
    agent_uuid: str = ""
    agent_name: str = ""
    campaign_uuid: str = ""
    channel: str = ""
    direction: str = ""
    from_number: str = ""
    to_number: str = ""
    status: str = ""
    answer_status: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    score: float | None = None
    summary: str = ""
    goals: tuple[Goal, ...] = field(default=())

    @property
    def other_party(self) -> str:
        """The number of the person the agent spoke with, empty where there is none."""
        return self.to_number if self.direction == "outbound" else self.from_number
