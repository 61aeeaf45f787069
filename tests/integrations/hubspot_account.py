"""An account at the fake HubSpot with the backends that write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integrations.clients.hubspot.backend import HubSpotBackend
from integrations.crm.hubspot import HubSpotCRM
from integrations.tasks.hubspot import HubSpotTasks
from tests.fakes.hubspot import ACCESS_TOKEN, FakeHubSpot


class Account(FakeHubSpot):
    """A fake that remembers its backends, to close their connections."""

    def __init__(self) -> None:
        super().__init__()
        self.backends: list[HubSpotBackend[Any]] = []

    def build_options(self, **options: Any) -> dict[str, Any]:
        """Return what the setting holds for a backend with no limit of its rate."""
        known = {"ACCESS_TOKEN": ACCESS_TOKEN, "BASE_URL": self.url, "RATE": "", "PORTAL_ID": 4711}
        return known | options

    def make_crm(self, **options: Any) -> HubSpotCRM:
        """Return a backend for calls."""
        crm = HubSpotCRM("crm", self.build_options(**options))
        self.backends.append(crm)
        return crm

    def make_tasks(self, **options: Any) -> HubSpotTasks:
        """Return a backend for tasks."""
        tasks = HubSpotTasks("tasks", self.build_options(**options))
        self.backends.append(tasks)
        return tasks


@contextmanager
def open_account() -> Iterator[Account]:
    """Start an account; at the end everything that is open is closed."""
    with Account() as account:
        yield account
        for backend in account.backends:
            backend.client.http.close()
