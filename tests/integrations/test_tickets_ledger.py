"""The ledger as a help desk."""

from typing import get_args

import pytest

from integrations.ledger.models import LedgerTicket, WorkStatus
from integrations.tickets.base import Priority
from integrations.tickets.ledger import LedgerTickets
from tests.contracts.kind_contracts import TicketsContract
from tests.contracts.requests import make_ticket_request
from tests.integrations.ledger_rows import LedgerRows

pytestmark = pytest.mark.django_db(transaction=True)


class TestLedgerTickets(LedgerRows, TicketsContract):
    """The ledger keeps a help desk's promises."""

    model = LedgerTicket
    kept = ("conversation_uuid", "subject", "description", "priority")

    def make_backend(self) -> LedgerTickets:
        """Return the backend."""
        return LedgerTickets("tickets", {})


def test_ticket_is_open_with_its_tags_and_number() -> None:
    """What the table keeps in its own form is there too."""
    request = make_ticket_request(tags=("failed", "vip 👑"), requester_phone="0049 30 1234")
    result = LedgerTickets("tickets", {}).apply(request)
    ticket = LedgerTicket.objects.get()
    assert ticket.status == WorkStatus.OPEN
    assert ticket.tags == ["failed", "vip 👑"]
    assert ticket.phone_number == "+49301234"
    assert result.url == f"/admin/ledger/ledgerticket/{ticket.pk}/change/"


def test_repeated_request_does_not_open_a_done_ticket_again() -> None:
    """What staff did to a ticket stays, however often its effect is run."""
    backend = LedgerTickets("tickets", {})
    backend.apply(make_ticket_request())
    LedgerTicket.objects.update(status=WorkStatus.DONE)
    backend.apply(make_ticket_request())
    assert LedgerTicket.objects.get().status == WorkStatus.DONE


def test_priorities_are_the_requests_words() -> None:
    """The table offers exactly the priorities that a request can have."""
    assert LedgerTicket.Priority.values == list(get_args(Priority))
