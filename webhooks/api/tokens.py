"""Tell by their token who asks: `Authorization: Bearer sb_...`."""

from datetime import timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from webhooks.models import ApiToken
from webhooks.models.api_token import make_digest

logger = structlog.stdlib.get_logger("webhooks.api")

SCHEME = "Bearer"
NOTE_INTERVAL = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """Takes the token of one of the staff who is active, unless it was revoked or has expired."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return whose token the request carries; None where it carries none of this scheme.

        Raises AuthenticationFailed, which says the same of every token that does not hold: who
        tries values learns nothing about them.
        """
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        token = find_token(value.strip().decode("latin-1"))
        if token is None:
            raise AuthenticationFailed
        note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- DRF's signature
        """Return what a 401 names as the way to authenticate."""
        return SCHEME


def find_token(value: str) -> ApiToken | None:
    """Return the token with this value if it holds, with its user; looked up by its hash."""
    return (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
        .filter(digest=make_digest(value), revoked_at=None)
        .filter(user__is_active=True, user__is_staff=True)
        .annotate(is_noted=Q(last_used_at__gt=Now() - NOTE_INTERVAL))
        .first()
    )


def note_use(token: Any) -> None:
    """Keep `last_used_at` within a minute of the truth, for one statement a minute.

    A failure is logged and changes nothing, and whoever has the row locked is not waited for: the
    same is being noted, or the token revoked.
    """
    if token.is_noted:
        return
    row = ApiToken.objects.filter(pk=token.pk).select_for_update(skip_locked=True, no_key=True)
    try:
        with transaction.atomic():
            ApiToken.objects.filter(pk__in=row.values("pk")).update(last_used_at=Now())
    except OperationalError as error:
        logger.warning("token_use_not_noted", token=token.pk, error_class=type(error).__name__)
