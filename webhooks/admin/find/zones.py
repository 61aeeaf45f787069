"""Show times in the zone of whoever looks at them, which their browser tells in a cookie."""

from collections.abc import Callable
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone

COOKIE = "timezone"
"""Set by static/webhooks/zone.js."""


class ViewersZone:
    """Has all times of the admin read and written in the viewer's zone.

    Nothing else: what the API says does not hang on who asks with which browser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Call the view with the zone that the cookie names, or else with `TIME_ZONE`."""
        if not request.path.startswith(reverse("admin:index")):
            return self.get_response(request)
        with timezone.override(read_zone(request.COOKIES.get(COOKIE, ""))):
            return self.get_response(request)


def read_zone(name: str) -> ZoneInfo | None:
    """Return the zone of that name; nothing for what is the name of none."""
    return ZoneInfo(name) if name in name_zones() else None


@cache
def name_zones() -> frozenset[str]:
    """Return the names of all zones: a name is a file's, and a cookie must not choose others."""
    return frozenset(available_timezones())
