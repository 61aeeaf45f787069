"""Make and revoke the tokens that programs show to the API, and write down who did so."""

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from webhooks.audit import Actor, record
from webhooks.models import ApiToken, AuditEntry


@dataclass(frozen=True, slots=True)
class NewToken:
    """A stored token with the value that can be shown this once."""

    row: ApiToken
    value: str = field(repr=False)


@transaction.atomic
def create_token(
    user: User, name: str, actor: Actor, expires_at: datetime | None = None, value: str = ""
) -> NewToken:
    """Give `user` one more token, called `name`, which may do what they may; record who did so.

    Its value is made here unless one is given, whose beginning everybody may see. Raises
    ValidationError where the user has an active token of this name, or the name is none. Called by
    the admin, `create_api_token` and `seed_demo`.
    """
    token = ApiToken(user=user, name=name, expires_at=expires_at)
    value = token.set_value(value)
    token.full_clean()
    token.save()
    record(AuditEntry.Action.TOKEN_ADDED, actor, token, f"for {user.get_username()}")
    return NewToken(token, value)


@transaction.atomic
def revoke_token(token: ApiToken, actor: Actor) -> bool:
    """Have the token refused from now on, for good; record who did so.

    Returns whether it was not revoked already. `token` is brought up to date. Called by the admin
    and `seed_demo`.
    """
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now())
    token.refresh_from_db(fields=["revoked_at"])
    if revoked:
        owner = token.user.get_username()
        record(AuditEntry.Action.TOKEN_REVOKED, actor, token, f"of {owner}")
    return bool(revoked)


@transaction.atomic
def revoke_tokens(user: User, actor: Actor) -> int:
    """Have all tokens of `user` refused from now on, for good; record who did so.

    Returns how many were not revoked already. Called by the admin where somebody else takes the
    account in hand: whoever had it may have made tokens.
    """
    return sum(revoke_token(token, actor) for token in user.api_tokens.filter(revoked_at=None))
