"""The four kinds of integration, and the request that each one takes."""

from collections.abc import Mapping

from integrations.base import Alias, Request
from integrations.crm.base import ContactUpdate
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord

REQUESTS: Mapping[Alias, type[Request]] = {
    "crm": ContactUpdate,
    "tickets": TicketRequest,
    "usage": UsageRecord,
    "tasks": FollowUp,
}
"""Every alias there is, with what its backend applies."""
