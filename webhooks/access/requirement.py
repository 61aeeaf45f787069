"""Let nobody do anything without a second factor where that is compulsory."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse

SETUP = "admin:auth_user_second_factor"

OPEN = frozenset(
    {
        SETUP,
        "admin:login",
        "admin:login_code",
        "admin:logout",
        "admin:jsi18n",
        "admin:password_change",
        "admin:password_change_done",
    }
)
"""The pages that somebody needs to get as far as that."""


class SecondFactorRequirement:
    """Sends who is logged in without a second factor to the page that sets it up.

    Only where `ADMIN_REQUIRES_SECOND_FACTOR` is set. It is about sessions: a program's token is a
    factor of its own, and it is no session that makes one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Go on; what there is to decide is decided once the view is known."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponseBase | None:
        """Return the way to the set-up page, or nothing where the view may be called."""
        if not settings.ADMIN_REQUIRES_SECOND_FACTOR or not request.user.is_authenticated:
            return None
        match = request.resolver_match
        if request.user.is_verified() or (match and match.view_name in OPEN):  # type: ignore[attr-defined]
            return None
        if request.path_info.startswith("/api/"):
            problem = {
                "type": "about:blank",
                "title": "Forbidden",
                "status": 403,
                "detail": "Set up your second factor in the admin first.",
            }
            return JsonResponse(problem, status=403, content_type="application/problem+json")
        return HttpResponseRedirect(reverse(SETUP))
