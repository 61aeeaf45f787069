"""The webhook backends of all four kinds, against a service that verifies and remembers."""

from typing import Any

import msgspec
import pytest

from integrations.base import Backend, Request
from integrations.crm.webhook import WebhookCRM
from integrations.tasks.webhook import WebhookTasks
from integrations.tickets.webhook import WebhookTickets
from integrations.usage.webhook import WebhookUsage
from tests.contracts.kind_contracts import (
    AtomicCRMContract,
    TasksContract,
    TicketsContract,
    UsageContract,
)
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.webhook import SECRET, FakeWebhook
from tests.integrations.webhook_service import make_options

# The service has all the records; the budget's row is only ever written by the test's own thread.
pytestmark = pytest.mark.django_db


class WebhookRecords(VendorContract[Any]):
    """How the suites reach what the service holds."""

    SECRETS = (SECRET, SECRET.removeprefix("whsec_"))
    # A service of one's own need not say anything back.
    ACCEPTED = frozenset({"not JSON"})
    fake: FakeWebhook

    def make_fake(self) -> FakeWebhook:
        """Return the service."""
        return FakeWebhook()

    def count_records(self, backend: Backend[Any]) -> int:  # noqa: ARG002 -- one per service
        """Count what the service holds."""
        return len(self.fake.records)

    def read_record(self, backend: Backend[Any], request: Request) -> dict[str, Any]:  # noqa: ARG002
        """Read everything back as a request; the service is sent all of it."""
        held = msgspec.convert(list(self.fake.records.values())[-1], type(request))
        return {name: getattr(held, name) for name in held.__dataclass_fields__}


class TestWebhookCRM(WebhookRecords, AtomicCRMContract):
    """The webhook keeps a CRM's promises, given a service that keeps the highest version."""

    def make_vendor_backend(self, url: str) -> WebhookCRM:
        """Return the backend."""
        return WebhookCRM("crm", make_options(url))


class TestWebhookTickets(WebhookRecords, TicketsContract):
    """The webhook keeps a help desk's promises."""

    def make_vendor_backend(self, url: str) -> WebhookTickets:
        """Return the backend."""
        return WebhookTickets("tickets", make_options(url))


class TestWebhookUsage(WebhookRecords, UsageContract):
    """The webhook keeps a billing system's promises."""

    def make_vendor_backend(self, url: str) -> WebhookUsage:
        """Return the backend."""
        return WebhookUsage("usage", make_options(url))


class TestWebhookTasks(WebhookRecords, TasksContract):
    """The webhook keeps a task list's promises."""

    def make_vendor_backend(self, url: str) -> WebhookTasks:
        """Return the backend."""
        return WebhookTasks("tasks", make_options(url))
