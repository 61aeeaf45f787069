"""How failed log-ins are counted: of a name from an address, and of an address whatever the name.

django-axes calls all of this, by `config.settings.security`.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from webhooks.remote_address import read_remote_address

ONE_NETWORK = 64
"""Bits of an IPv6 address that one household or machine is given; it changes the others at will."""


class FailureHandler(AxesDatabaseHandler):  # type: ignore[misc] # axes ships no types
    """Counts as axes does, and locks out an address at `LOGIN_ADDRESS_FAILURE_LIMIT`, too.

    Who tries a name only once or twice, and then the next, is never locked out by the names.
    """

    def get_failures(self, request: HttpRequest, credentials: Any = None) -> int:
        """Return how often a name failed; at least its limit where its address failed too often."""
        of_name: int = super().get_failures(request, credentials)
        recent = AccessAttempt.objects.filter(
            ip_address=read_network(request),
            attempt_time__gte=request.axes_attempt_time - settings.AXES_COOLOFF_TIME,  # type: ignore[attr-defined]
        )
        of_address = recent.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
        if of_address >= settings.LOGIN_ADDRESS_FAILURE_LIMIT:
            return max(of_name, settings.AXES_FAILURE_LIMIT)
        return of_name


def name_attempt(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return what is stored for the name that somebody typed, which may be a password."""
    given = request.POST if credentials is None else credentials
    return hide_name(given.get("username"))


def hide_name(name: str | None) -> str:
    """Return a hash of the name that nobody can guess names by who has not `SECRET_KEY`."""
    return salted_hmac("webhooks.access.failures", name or "", algorithm="sha256").hexdigest()


def read_network(request: HttpRequest) -> str | None:
    """Return whom failures are counted for: the sender's address, of an IPv6 one its network."""
    address = read_remote_address(request)
    return None if address is None else str(span_of(address)[0])


def span_of(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network of the addresses that count as one with `address`."""
    parsed = ipaddress.ip_address(address)
    # An IPv4 address that a server for both writes as one of IPv6 has no neighbours.
    alone = isinstance(parsed, ipaddress.IPv4Address) or parsed.ipv4_mapped is not None
    bits = parsed.max_prefixlen if alone else ONE_NETWORK
    return ipaddress.ip_network((address, bits), strict=False)
