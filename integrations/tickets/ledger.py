"""The help desk that is our own: tickets in Postgres."""

from integrations.ledger.backend import LedgerBackend, insert_once
from integrations.ledger.models import LedgerTicket
from integrations.phone_numbers import normalise_phone_number
from integrations.tickets.base import TicketRequest, Tickets


class LedgerTickets(LedgerBackend[TicketRequest], Tickets):
    """Opens one ticket per idempotency key."""

    def write(self, request: TicketRequest) -> LedgerTicket:
        """Open the ticket unless it is there."""
        return insert_once(
            LedgerTicket(
                idempotency_key=request.idempotency_key,
                conversation_uuid=request.conversation.conversation_uuid,
                phone_number=normalise_phone_number(request.requester_phone),
                subject=request.subject,
                description=request.description,
                priority=request.priority,
                tags=list(request.tags),
            )
        )
