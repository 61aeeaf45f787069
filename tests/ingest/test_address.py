"""Where a request came from, told by the connection and by proxies that are trusted."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from tests.ingest.door import Door
from tests.signing import build_event
from webhooks.models import Delivery
from webhooks.remote_address import read_remote_address


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        (0, "203.0.113.7", None, "203.0.113.7"),
        (0, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (1, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", "forged, 198.51.100.1", "198.51.100.1"),
        (2, "10.0.0.1", "forged, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "10.0.0.1", "198.51.100.1", "10.0.0.1"),
        (1, "10.0.0.1", None, "10.0.0.1"),
        (1, "10.0.0.1", " ,", "10.0.0.1"),
        (1, "10.0.0.1", "unknown", None),
        (1, "10.0.0.1", "198.51.100.1:5678", "198.51.100.1"),
        (1, "10.0.0.1", "forged, [2001:db8::1]:80", "2001:db8::1"),
        (1, "10.0.0.1", "[::1]", "::1"),
        (1, "10.0.0.1", "[", None),
        (1, "10.0.0.1", ":80", None),
        (1, "10.0.0.1", "2001:db8::1", "2001:db8::1"),
        (1, "10.0.0.1", "2001:0DB8:0:0::1", "2001:db8::1"),
        (0, "fe80::1%eth0", None, "fe80::1"),
        (1, "10.0.0.1", "::ffff:198.51.100.1", "::ffff:198.51.100.1"),
        (0, "", None, None),
        (0, "unix:", None, None),
        (1, "10.0.0.1", "\u0661.1.1.1", None),
        (1, "10.0.0.1", "1.1.1.1\0", None),
    ],
)
def test_address(
    settings: Settings, proxies: int, peer: str, forwarded: str | None, address: str | None
) -> None:
    """Only what trusted proxies added counts; what is no address is none."""
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().post("/", REMOTE_ADDR=peer)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    read = read_remote_address(request)
    if address is not None and address.startswith("::ffff:"):
        assert read in {address, "::ffff:c633:6401"}  # newer Pythons write the IPv4 part as such
    else:
        assert read == address


@pytest.mark.django_db
@pytest.mark.parametrize("peer", ["fe80::1%eth0", "::1", "unix:", "", "::ffff:1.2.3.4"])
def test_any_peer_is_recorded(door: Door, peer: str) -> None:
    """No way to be connected keeps a delivery from being taken in."""
    assert door.send_signed(build_event(), REMOTE_ADDR=peer).status == 202
    assert Delivery.objects.count() == 1
