"""Which addresses are of the public internet."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.addresses import is_public

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "223.255.255.255",
    "2001:200::1",
    "2600:1f18::1",
    "2a00:1450:4001:800::200e",
    "64:ff9b::8.8.8.8",
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 -- looked at, not listened on
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2600::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_public(address: str) -> None:
    """What is handed out to the internet's hosts may be called, through NAT64 as well."""
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_other_address_is_not(address: str) -> None:
    """Loopback, private, link-local, shared, reserved, multicast, mapped and tunnelled are not."""
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_otherwise(address: object) -> None:
    """Whatever Python's own tables call special is refused here."""
    parsed = ip_address(str(address))
    if is_public(str(parsed)):
        assert parsed.is_global
        assert not parsed.is_multicast
        assert not parsed.is_private


@given(st.ip_addresses(v=4))
def test_translated_address_is_as_public_as_what_it_leads_to(address: object) -> None:
    """NAT64 opens no way around the table of IPv4."""
    assert is_public(f"64:ff9b::{address}") == is_public(str(address))
