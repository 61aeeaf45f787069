"""Clients for these tests: of one vendor, with little patience."""

from collections.abc import Callable
from typing import Any

from integrations.base import Alias
from integrations.http.client import Limits, VendorClient
from integrations.options import Options

KEY = "Bearer key-canary"
VENDOR = "Acme"


def make_client(
    url: str,
    *,
    alias: Alias = "crm",
    limits: Limits | None = None,
    options: Options | None = None,
    **details: Any,
) -> VendorClient:
    """Return a client for a vendor at `url` that gives up soon."""
    client = VendorClient(
        VENDOR,
        alias,
        url,
        headers={"Authorization": KEY},
        options=options or Options(),
        **details,
    )
    client.limits = limits or Limits(connect=5, read=1, total=2)
    return client


MakeClient = Callable[..., VendorClient]
"""`make_client`, whose clients are closed when the test ends."""
