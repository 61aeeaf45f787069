"""Who may see and do what through the API, and how often."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

if TYPE_CHECKING:
    from django.http import HttpRequest

VIEW_PAYLOAD = "webhooks.view_payload"


class Permitted(BasePermission):
    """Lets those in who have every permission that the view says it needs, by `list_needed`."""

    message: str

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether one of the staff asks who has them; the refusal names the first missing."""
        if not (request.user.is_active and request.user.is_staff):
            return False
        needed = view.list_needed()  # type: ignore[attr-defined] # our views have it
        if VIEW_PAYLOAD in needed and comes_from_elsewhere(request):
            self.message = "What was said is not shown to pages of other sites."
            return False
        missing = find_missing(request.user, needed)
        if missing:
            self.message = word_refusal(missing)
        return not missing


def comes_from_elsewhere(request: Request) -> bool:
    """Tell whether another site's page had a browser ask, which added its session by itself."""
    return request.auth is None and request.headers.get("Sec-Fetch-Site") == "cross-site"


def require(request: Request, permission: str) -> None:
    """Raise PermissionDenied unless the user has `permission`."""
    if find_missing(request.user, (permission,)):
        raise PermissionDenied(word_refusal(permission))


def find_missing(user: AbstractBaseUser | AnonymousUser, needed: tuple[str, ...]) -> str:
    """Return the first of the permissions that the user lacks, or an empty text."""
    has_all = isinstance(user, PermissionsMixin)
    return next(
        (name for name in needed if not (has_all and user.has_perm(name))),  # type: ignore[union-attr] # has_all says so
        "",
    )


def word_refusal(permission: str) -> str:
    """Return what somebody without it is told."""
    return f"The permission {permission} is needed for this."


class ActionThrottle(UserRateThrottle):
    """Lets a person do less often than look."""

    scope = "action"

    def allow_request(self, request: "Request | HttpRequest", view: APIView) -> bool:
        """Tell whether it is not too often; looking does not count."""
        return request.method in SAFE_METHODS or super().allow_request(request, view)  # type: ignore[arg-type] # as DRF calls it
