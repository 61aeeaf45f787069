"""End the sessions of people who have gone, and of those who stay for very long."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

BEGAN = "began"
SEEN = "seen"
"""When it began and when somebody was last there, in Unix seconds."""

NOTED_EVERY = 60.0
"""Seconds: to be exact to the minute costs no more than a write a minute."""


class SessionLimits:
    """Ends sessions idle for `SESSION_IDLE_LIMIT`, and those begun `SESSION_LONGEST` ago.

    Stands right after Django's authentication. Who has no session costs nothing here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """End the session, or note that somebody is there; then go on."""
        session = request.session
        if SESSION_KEY in session:
            now = time.time()
            if is_over(session.get(BEGAN, now), session.get(SEEN, now), now):
                # No logout(): nobody has done anything, and the audit list is of what people do.
                session.flush()
                request.user = AnonymousUser()
            else:
                if BEGAN not in session:
                    session[BEGAN] = now
                if is_act(request) and now - session.get(SEEN, 0) >= NOTED_EVERY:
                    session[SEEN] = now
        return self.get_response(request)


def is_over(began: float, seen: float, now: float) -> bool:
    """Tell whether a session is past one of its limits; all are Unix seconds."""
    idle, longest = settings.SESSION_IDLE_LIMIT, settings.SESSION_LONGEST
    return now - seen > idle.total_seconds() or now - began > longest.total_seconds()


def is_act(request: HttpRequest) -> bool:
    """Tell whether somebody has done something, and not a page that keeps itself up to date.

    Browsers say what they fetch a thing for; what says nothing is believed to be somebody.
    """
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"
