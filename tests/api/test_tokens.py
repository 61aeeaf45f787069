"""Tokens: whose they are, and how long they hold."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from rest_framework.test import APIClient

from tests.api.clients import make_user, show_token
from webhooks.audit import actor_of_command
from webhooks.models import ApiToken, AuditEntry
from webhooks.operations.tokens import create_token, revoke_token

pytestmark = pytest.mark.django_db

PATH = "/api/v1/events/"


def test_a_token_opens_what_its_user_may_see() -> None:
    """The scheme's name may be written either way."""
    value = create_token(make_user("view_event"), "shop", actor_of_command()).value
    assert value.startswith("sb_")
    for scheme in ("Bearer", "bearer"):
        client = APIClient(headers={"Authorization": f"{scheme} {value}"})
        assert client.get(PATH).status_code == 200
        assert client.get("/api/v1/effects/").status_code == 403


def test_the_value_of_a_token_is_stored_nowhere() -> None:
    """What is stored and written down cannot be used."""
    value = create_token(make_user(), "shop", actor_of_command()).value
    stored = [str(row) for row in ApiToken.objects.values()]
    noted = [str(row) for row in AuditEntry.objects.values()]
    assert not [text for text in stored + noted if value in text]


@pytest.mark.parametrize("ending", ["revoked", "expired", "inactive", "no staff"])
def test_a_token_that_does_not_hold_is_refused_like_an_unknown_one(ending: str) -> None:
    """Whoever tries tokens learns nothing about them."""
    user = make_user("view_event")
    token = create_token(user, "shop", actor_of_command())
    client = APIClient(headers={"Authorization": f"Bearer {token.value}"})
    assert client.get(PATH).status_code == 200
    if ending == "revoked":
        assert revoke_token(token.row, actor_of_command())
    elif ending == "expired":
        ApiToken.objects.update(expires_at=Now())
    elif ending == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        User.objects.filter(pk=user.pk).update(is_staff=False)
    refused = client.get(PATH)
    unknown = APIClient(headers={"Authorization": "Bearer sb_unknown"}).get(PATH)
    assert refused.status_code == 401
    assert (refused.json(), refused["WWW-Authenticate"]) == (unknown.json(), "Bearer")


def test_a_token_holds_until_it_expires() -> None:
    """A time to come is no end yet."""
    user = make_user("view_event")
    client = show_token(user)
    ApiToken.objects.update(expires_at=Now() + timedelta(minutes=1))
    assert client.get(PATH).status_code == 200


def test_last_use_is_noted_once_a_minute() -> None:
    """The first request notes it, the next does not write, and after a minute one does again."""
    client = show_token(make_user("view_event"))
    assert ApiToken.objects.get().last_used_at is None
    client.get(PATH)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    client.get(PATH)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    client.get(PATH)
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    assert noted >= first


def test_a_refused_token_is_not_used() -> None:
    """Somebody who finds a revoked token leaves no trace that looks like a program at work."""
    token = create_token(make_user(), "shop", actor_of_command())
    revoke_token(token.row, actor_of_command())
    APIClient(headers={"Authorization": f"Bearer {token.value}"}).get(PATH)
    assert ApiToken.objects.get().last_used_at is None


def test_a_revoked_name_can_be_given_again() -> None:
    """A program's new token is called what its old one was."""
    user = make_user()
    revoke_token(create_token(user, "shop", actor_of_command()).row, actor_of_command())
    assert create_token(user, "shop", actor_of_command()).row.revoked_at is None


def test_the_command_prints_a_token_that_works_once() -> None:
    """It is written down who made it for whom."""
    user = make_user("view_event")
    out = StringIO()
    call_command("create_api_token", user.username, "--name", "shop", stdout=out)
    value = out.getvalue().split()[1]
    client = APIClient(headers={"Authorization": f"Bearer {value}"})
    assert client.get(PATH).status_code == 200
    entry = AuditEntry.objects.get(action=AuditEntry.Action.TOKEN_ADDED)
    assert (entry.door, entry.detail) == ("command", f"for {user.username}")


def test_the_command_says_what_is_wrong() -> None:
    """Nobody of that name, a name that is taken, and somebody who is not of the staff."""
    user = make_user()
    with pytest.raises(CommandError, match="no user nobody"):
        call_command("create_api_token", "nobody", "--name", "shop")
    call_command("create_api_token", user.username, "--name", "shop", stdout=StringIO())
    with pytest.raises(CommandError, match="active token of this name"):
        call_command("create_api_token", user.username, "--name", "shop")
    User.objects.filter(pk=user.pk).update(is_staff=False)
    with pytest.raises(CommandError, match="no staff status"):
        call_command("create_api_token", user.username, "--name", "board")
