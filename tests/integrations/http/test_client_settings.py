"""What a client cannot be built with."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from integrations.http.client import VendorClient
from integrations.options import Options
from tests.integrations.http.clients import make_client

UNUSABLE = [
    "",
    "/path",
    "api.example.com",
    "ftp://a.example",
    "https://",
    "https:///path",
    "http://[",
    "http://a b",
    "http://a.example:port",
    "https://me:canary@a.example",
    "https://canary@a.example",
]


@pytest.mark.parametrize("address", UNUSABLE)
def test_unusable_address_is_a_misconfiguration(address: str) -> None:
    """Found when the backend is built, and not shown, since it may hold a key."""
    with pytest.raises(ImproperlyConfigured, match="The address of Acme") as caught:
        make_client(address)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["", "canary\n", " canary", "canary\x00", "canáry", "canary\r\ncanary"]
)
def test_key_that_no_header_can_carry_is_a_misconfiguration(key: str) -> None:
    """A line's end that came along with a copied key is found at the start, and not shown."""
    with pytest.raises(ImproperlyConfigured, match="The header X-Key for Acme") as caught:
        VendorClient("Acme", "crm", "https://a.example", headers={"X-Key": key}, options=Options())
    assert "can" not in str(caught.value).replace("cannot", "")
