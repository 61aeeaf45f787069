"""A help desk of one's own, told by webhooks."""

from integrations.clients.webhook import WebhookBackend
from integrations.tickets.base import TicketRequest, Tickets


class WebhookTickets(WebhookBackend[TicketRequest], Tickets):
    """Posts each ticket to the service."""

    event_type = "tickets.ticket_request"
