"""What a task list is asked to hold."""

from dataclasses import dataclass
from datetime import datetime

from integrations.base import Backend, Request
from integrations.samples import EVENT, EVERYTHING, LEAST, NOON


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
    samples = (
        FollowUp(
            idempotency_key="tasks:full",
            event=EVENT,
            conversation=EVERYTHING,
            title="Title",
            description="Description",
            phone_number="+4930123456",
            due_at=NOON,
            assignee="Assignee",
        ),
        FollowUp(
            idempotency_key="tasks:least",
            event=EVENT,
            conversation=LEAST,
            title="Title",
            description="",
            phone_number="",
        ),
    )
