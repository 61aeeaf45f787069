"""What the backends of each kind promise, beside what every backend does."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from integrations.base import Backend
from integrations.crm.base import ContactUpdate
from integrations.facts import Goal
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord
from tests.contracts.backend_contract import (
    BackendContract,
    CreateOnceContract,
    apply_together,
)
from tests.contracts.requests import (
    make_contact_update,
    make_follow_up,
    make_ticket_request,
    make_usage_record,
)


class TicketsContract(CreateOnceContract[TicketRequest]):
    """What a help desk's backend promises."""

    def make_request(self, **changes: Any) -> TicketRequest:
        """Return a ticket request."""
        return make_ticket_request(**changes)

    def make_different(self, request: TicketRequest) -> TicketRequest:
        """Return a request with another subject."""
        return replace(request, subject="Another subject")


class UsageContract(CreateOnceContract[UsageRecord]):
    """What a billing system's backend promises."""

    def make_request(self, **changes: Any) -> UsageRecord:
        """Return a usage record."""
        return make_usage_record(**changes)

    def make_different(self, request: UsageRecord) -> UsageRecord:
        """Return a record with more seconds."""
        return replace(request, seconds=request.seconds + 1)

    def test_no_seconds_are_recorded_too(self, backend: Backend[UsageRecord]) -> None:
        """A call that nobody answered is a record of zero seconds."""
        request = self.make_request(seconds=0)
        backend.apply(request)
        self.assert_held(backend, request)


class TasksContract(CreateOnceContract[FollowUp]):
    """What a task list's backend promises."""

    def make_request(self, **changes: Any) -> FollowUp:
        """Return a follow-up."""
        return make_follow_up(**changes)

    def make_different(self, request: FollowUp) -> FollowUp:
        """Return a follow-up with another title."""
        return replace(request, title="Another title")


class CRMContract(BackendContract[ContactUpdate]):
    """What a CRM's backend promises."""

    def make_request(self, **changes: Any) -> ContactUpdate:
        """Return an update."""
        return make_contact_update(**changes)

    def make_version(self, version: int, conversation: str = "c-1") -> ContactUpdate:
        """Return an update that differs from every other version's in all that may change."""
        return make_contact_update(
            idempotency_key=f"crm:{conversation}:{version}",
            conversation_uuid=conversation,
            version=version,
            phone_number=f"+4930{version}",
            status=f"status {version}",
            summary=f"Summary {version}",
            score=version / 2,
            duration_seconds=version,
            goals=tuple(Goal(f"Goal {n}", achieved=n == version) for n in range(version)),
        )

    def test_newer_version_is_written_over_the_older(self, backend: Backend[ContactUpdate]) -> None:
        """A conversation has one record, and it says what its newest update says."""
        first = backend.apply(self.make_version(1))
        assert backend.apply(self.make_version(2)) == first
        assert self.count_records(backend) == 1
        self.assert_held(backend, self.make_version(2))

    def test_older_version_changes_nothing(self, backend: Backend[ContactUpdate]) -> None:
        """An update that comes late is answered and not written."""
        first = backend.apply(self.make_version(2))
        assert backend.apply(self.make_version(1)) == first
        self.assert_held(backend, self.make_version(2))

    def test_any_order_ends_in_the_same_record(self) -> None:
        """All orders of three versions, one of them twice, end as the highest version says."""
        for turn, order in enumerate(set(itertools.permutations((1, 2, 2, 3)))):
            backend = self.make_backend()
            for version in order:
                backend.apply(self.make_version(version, f"c-{turn}"))
            highest = self.make_version(3, f"c-{turn}")
            self.assert_held(backend, highest)

    @pytest.mark.parametrize("number", ["", "anonymous", "sip:desk@example.com", "+" + "1" * 4000])
    def test_conversation_without_a_phone_number_is_held(
        self, backend: Backend[ContactUpdate], number: str
    ) -> None:
        """Web calls, hidden numbers and what is no number at all are conversations too."""
        request = make_contact_update(phone_number=number)
        backend.apply(request)
        assert self.count_records(backend) == 1
        self.assert_held(backend, request)


class AtomicCRMContract(CRMContract):
    """What a CRM's backend promises whose vendor compares versions as it writes.

    The engine runs a conversation's updates in turn, so this matters only to a worker that comes
    back after its lease.
    """

    def test_two_versions_that_race_leave_the_higher(self, backend: Backend[ContactUpdate]) -> None:
        """Two workers that write one conversation at once leave what the higher version says."""
        for turn in range(10):
            low, high = (self.make_version(version, f"c-{turn}") for version in (1, 2))
            first, second = apply_together(backend, [low, high])
            assert first == second
            assert self.count_records(backend) == turn + 1
            self.assert_held(backend, high)
