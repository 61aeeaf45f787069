"""People who have something done, and wait until it is."""

from django.contrib.auth.models import User

from webhooks.audit import Actor
from webhooks.models import AuditEntry, Replay
from webhooks.operations.runs import Asked, ask_for, carry_out
from webhooks.operations.selection import AnySelection

SOMEBODY = Actor(door=AuditEntry.Door.COMMAND, name="somebody")


def because(reason: str = "a test", user: User | None = None) -> Asked:
    """Return who asks, and why."""
    if user is None:
        return Asked(actor=SOMEBODY, reason=reason)
    actor = Actor(door=AuditEntry.Door.ADMIN, name=user.get_username(), user=user)
    return Asked(actor=actor, reason=reason)


def have_done(action: Replay.Action, selection: AnySelection, asked: Asked | None = None) -> Replay:
    """Have it done, and return the run when it has ended."""
    return carry_out(ask_for(action, selection, asked or because()))
