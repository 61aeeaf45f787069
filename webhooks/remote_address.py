"""Tell where a request came from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def read_remote_address(request: HttpRequest) -> str | None:
    """Return the sender's IP address, or None where the server does not know it.

    Behind `TRUSTED_PROXIES` proxies of one's own, each adds the address it was called from to
    the end of X-Forwarded-For, so the sender's is that many from the end; what stands before it
    is the sender's own claim.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        header = request.META.get("HTTP_X_FORWARDED_FOR", "")
        forwarded = [part for part in header.split(",") if part.strip()]
        if len(forwarded) >= settings.TRUSTED_PROXIES:
            address = forwarded[-settings.TRUSTED_PROXIES]
    try:
        # A link-local IPv6 address names its interface behind a %, which Postgres knows nothing of.
        return str(ipaddress.ip_address(cut_port(address.strip()).partition("%")[0]))
    except ValueError:
        return None


def cut_port(address: str) -> str:
    """Return the address without the port and brackets that some proxies write with it."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
