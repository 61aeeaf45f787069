"""Which addresses a vendor's key may be sent to."""

from ipaddress import ip_address

import httpx

from integrations.http.client import is_usable_address


def check_base_url(url: str) -> None:
    """Raise `ValueError`, without the value, where `url` cannot be what a vendor's paths follow.

    Called by each vendor's options for `BASE_URL`. Without TLS everybody on the way can read the
    key, so plain HTTP is for this machine alone, where tests run their vendors. A path that came
    after a query or a fragment would be a part of it.
    """
    if not is_usable_address(url):
        raise ValueError("BASE_URL is not an https:// address with a host and no user name")
    if "?" in url or "#" in url:
        raise ValueError("BASE_URL has a query or a fragment, which no request could follow")
    parsed = httpx.URL(url)
    if parsed.scheme != "https" and not is_this_machine(parsed.host):
        raise ValueError("BASE_URL is not an https:// address, nor one of this machine")


def is_this_machine(host: str) -> bool:
    """Return whether `host` is a loopback address, or the name for one."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
