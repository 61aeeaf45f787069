"""A client that is closed when its test ends."""

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.http.client import VendorClient
from tests.integrations.http.clients import MakeClient, make_client


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
