"""What a task list is asked to hold."""

from dataclasses import dataclass
from datetime import datetime

from integrations.base import Backend, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Request):
    """One thing to do after a conversation, frozen when it was planned."""

    title: str
    description: str
    phone_number: str
    due_at: datetime | None = None
    assignee: str = ""


class Tasks(Backend[FollowUp]):
    """A task list backend."""

    serves = frozenset({"tasks"})
