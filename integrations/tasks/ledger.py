"""The task list that is our own: follow-ups in Postgres."""

from integrations.ledger.backend import LedgerBackend, insert_once
from integrations.ledger.models import LedgerFollowUp
from integrations.phone_numbers import normalise_phone_number
from integrations.tasks.base import FollowUp, Tasks


class LedgerTasks(LedgerBackend[FollowUp], Tasks):
    """Adds one follow-up per idempotency key."""

    def write(self, request: FollowUp) -> LedgerFollowUp:
        """Add the follow-up unless it is there."""
        return insert_once(
            LedgerFollowUp(
                idempotency_key=request.idempotency_key,
                conversation_uuid=request.conversation.conversation_uuid,
                phone_number=normalise_phone_number(request.phone_number),
                title=request.title,
                description=request.description,
                due_at=request.due_at,
                assignee=request.assignee,
            )
        )
