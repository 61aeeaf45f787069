"""The backend that people use in their own tests."""

from dataclasses import fields
from typing import Any, cast

import pytest

from integrations.base import Alias, Backend, Request
from integrations.crm.base import ContactUpdate
from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.memory import MemoryBackend
from tests.contracts.kind_contracts import (
    AtomicCRMContract,
    TasksContract,
    TicketsContract,
    UsageContract,
)
from tests.contracts.requests import make_follow_up


class MemoryRecords:
    """For a contract suite whose records are a memory backend's."""

    alias: Alias

    def make_backend(self) -> MemoryBackend:
        """Return a backend of the suite's kind."""
        return MemoryBackend(self.alias, {})

    def count_records(self, backend: Backend[Any]) -> int:
        """Count what was applied."""
        return len(cast("MemoryBackend", backend).applied)

    def read_record(self, backend: Backend[Any], request: Request) -> dict[str, Any]:
        """Return all fields of what is kept for the request."""
        key = (
            request.conversation.conversation_uuid
            if isinstance(request, ContactUpdate)
            else request.idempotency_key
        )
        kept = cast("MemoryBackend", backend).applied[key]
        return {field.name: getattr(kept, field.name) for field in fields(kept)}


class TestMemoryCRM(MemoryRecords, AtomicCRMContract):
    """The memory backend keeps a CRM's promises."""

    alias = "crm"


class TestMemoryTickets(MemoryRecords, TicketsContract):
    """The memory backend keeps a help desk's promises."""

    alias = "tickets"


class TestMemoryUsage(MemoryRecords, UsageContract):
    """The memory backend keeps a billing system's promises."""

    alias = "usage"


class TestMemoryTasks(MemoryRecords, TasksContract):
    """The memory backend keeps a task list's promises."""

    alias = "tasks"


def test_scripted_failures_come_in_order_and_then_it_works() -> None:
    """Each error is raised by one call, nothing is applied meanwhile, and every call counts."""
    backend = MemoryBackend("tasks", {})
    backend.fail_next(TemporaryFailure("Later."), PermanentFailure("Never."))
    with pytest.raises(TemporaryFailure):
        backend.apply(make_follow_up())
    with pytest.raises(PermanentFailure):
        backend.apply(make_follow_up())
    assert not backend.applied
    backend.apply(make_follow_up())
    assert list(backend.applied.values()) == [make_follow_up()]
    assert backend.calls == 3
