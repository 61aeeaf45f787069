"""What somebody sees who failed to log in too often."""

import math
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from webhooks.remote_address import read_remote_address


def show_lockout(
    request: HttpRequest,
    response: HttpResponse,  # noqa: ARG001 -- axes' signature
    credentials: dict[str, Any] | None,
) -> HttpResponse:
    """Answer 429 with when to come back; called by django-axes, in the place of `response`."""
    name = (credentials or {}).get("username") or ""
    seconds = count_seconds_left(name, read_remote_address(request))
    context = {
        **admin.site.each_context(request),
        "title": "Locked out",
        "minutes": math.ceil(seconds / 60),
    }
    answer = render(request, "admin/locked_out.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer


def count_seconds_left(name: str, address: str | None) -> int:
    """Return for how many seconds the name is still locked out from the address; 1 at least."""
    attempts = AccessAttempt.objects.filter(username=name, ip_address=address)
    latest = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    until = (latest or timezone.now()) + settings.AXES_COOLOFF_TIME
    return max(1, math.ceil((until - timezone.now()).total_seconds()))
