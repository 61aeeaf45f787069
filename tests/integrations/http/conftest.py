"""What these tests call, and what they call it with."""

from collections.abc import Iterator
from typing import Any

import pytest

from integrations import budget
from integrations.http.client import VendorClient
from tests.integrations.http.clients import MakeClient, make_client
from tests.integrations.http.vendor import Vendor


@pytest.fixture(autouse=True)
def _budget(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the budget asked only by tests that have the database: the others are about HTTP."""
    if request.node.get_closest_marker("django_db") is None:
        monkeypatch.setattr(budget, "take_slot", lambda *_: None)


@pytest.fixture
def open_client() -> Iterator[MakeClient]:
    """Give a test `make_client`."""
    made: list[VendorClient] = []

    def make(url: str, **details: Any) -> VendorClient:
        client = make_client(url, **details)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """Give a test a vendor."""
    with Vendor() as running:
        yield running
