"""What somebody sees who failed to log in too often."""

import math
from datetime import datetime
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from webhooks.access.failures import hide_name, read_network


def show_lockout(
    request: HttpRequest,
    response: HttpResponse,  # noqa: ARG001 -- axes' signature
    credentials: dict[str, Any] | None,
) -> HttpResponse:
    """Answer 429 with when to come back; called by django-axes, in the place of `response`."""
    name = (credentials or {}).get("username") or ""
    seconds = count_seconds_left(name, read_network(request))
    context = {
        **admin.site.each_context(request),
        "title": "Locked out",
        "minutes": math.ceil(seconds / 60),
    }
    answer = render(request, "admin/locked_out.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer


def count_seconds_left(name: str, network: str | None) -> int:
    """Return for how many seconds the name is still locked out from the network; 1 at least.

    `network` is what `read_network` says of the request.
    """
    attempts = AccessAttempt.objects.filter(ip_address=network)
    ends = [
        find_end(attempts.filter(username=hide_name(name)), settings.AXES_FAILURE_LIMIT),
        find_end(attempts, settings.LOGIN_ADDRESS_FAILURE_LIMIT),
    ]
    now = timezone.now()
    until = max((end for end in ends if end), default=now)
    return max(1, math.ceil((until - now).total_seconds()))


def find_end(attempts: QuerySet[AccessAttempt], limit: int) -> datetime | None:
    """Return when so many of the failures are past that fewer than `limit` are left."""
    failures = 0
    rows = attempts.order_by("-attempt_time").values_list("attempt_time", "failures_since_start")
    for at, times in rows[:limit]:
        failures += times
        if failures >= limit:
            end: datetime = at + settings.AXES_COOLOFF_TIME
            return end
    return None
