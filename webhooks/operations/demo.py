"""What `make run` puts into a database: somebody to log in, and a source to send to."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from webhooks.audit import actor_of_command
from webhooks.models import ApiToken, Source
from webhooks.models.api_token import make_digest
from webhooks.operations.tokens import create_token, revoke_token

ADMINISTRATOR = "admin"
SOURCE = "demo"
TOKEN = "demo"  # noqa: S105 -- what it is called
SHORTEST_TOKEN = 20
"""Characters: the first few are shown, to tell tokens apart."""


@transaction.atomic
def seed_demo(
    *, admin_password: str, signing_secret: str, api_token: str, reset_password: bool = False
) -> None:
    """Create the administrator, the source `demo` and its secret, and the API token.

    What is there already stays as people have changed it. A secret or token that is not there yet
    is added; the token replaces the earlier one of `make run`.

    Args:
        admin_password: Given to a new administrator.
        signing_secret: One more that deliveries to the source may be signed with.
        api_token: At least 20 characters.
        reset_password: Whether an existing administrator gets the password as well.

    Raises:
        ImproperlyConfigured: The token is too short.
    """
    if len(api_token) < SHORTEST_TOKEN:
        raise ImproperlyConfigured(
            f"DEMO_API_TOKEN must have at least {SHORTEST_TOKEN} characters."
        )
    admin, is_new = get_user_model().objects.get_or_create(
        username=ADMINISTRATOR, defaults={"is_staff": True, "is_superuser": True}
    )
    if is_new or (reset_password and not admin.check_password(admin_password)):
        admin.set_password(admin_password)
        admin.save()
    if not ApiToken.objects.filter(digest=make_digest(api_token)).exists():
        for earlier in ApiToken.objects.filter(user=admin, name=TOKEN, revoked_at=None):
            revoke_token(earlier, actor_of_command())
        create_token(admin, TOKEN, actor_of_command(), value=api_token)
    source, _ = Source.objects.get_or_create(slug=SOURCE, defaults={"name": "Demo"})
    if signing_secret not in source.secrets.filter(retired_at=None).values_list("value", flat=True):
        source.add_secret(signing_secret)


def has_password(password: str) -> bool:
    """Return whether the administrator can log in with `password`, or has changed it by now."""
    return get_user_model().objects.get(username=ADMINISTRATOR).check_password(password)
