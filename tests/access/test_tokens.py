"""API tokens in the admin: one's own for everybody, all of them for administrators."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.access.people import make_person, open_browser
from webhooks.audit import actor_of_command
from webhooks.models import ApiToken, AuditEntry
from webhooks.operations.tokens import create_token

pytestmark = pytest.mark.django_db

LIST = "/admin/webhooks/apitoken/"


def make_token(browser: Client, name: str, days: str = "90") -> str:
    """Make a token as its page asks for; return the value that is shown."""
    answer = browser.post(f"{LIST}add/", {"name": name, "days": days})
    found = re.search('aria-label="Token">(.*?)</pre>', answer.text)
    assert found
    return found[1]


@pytest.fixture
def viewer() -> Client:
    """Return a viewer's browser."""
    return open_browser("viewer")


def test_value_is_shown_once(viewer: Client) -> None:
    """In the answer that made it, which no cache keeps; no page has it afterwards."""
    value = make_token(viewer, "report")
    token = ApiToken.objects.get()
    assert value.startswith("sb_")
    assert value not in viewer.get(LIST).text
    assert value not in viewer.get(f"{LIST}{token.pk}/change/").text
    assert value not in str(AuditEntry.objects.values_list("subject", "detail"))


def test_token_is_good_for_what_its_person_may(viewer: Client) -> None:
    """It opens the API, and no more of it than the person."""
    headers = {"Authorization": f"Bearer {make_token(viewer, 'report')}"}
    assert Client().get("/api/v1/events/", headers=headers).status_code == 200
    body = {"action": "replay", "events": {"needs_people": True}, "reason": "A test."}
    answer = Client().post("/api/v1/replays/", body, "application/json", headers=headers)
    assert answer.status_code == 403


def test_token_expires_when_its_maker_says(viewer: Client) -> None:
    """In 30 days, say, or never."""
    make_token(viewer, "short", "30")
    make_token(viewer, "long", "0")
    short, long = (ApiToken.objects.get(name=name) for name in ("short", "long"))
    assert short.expires_at
    assert timedelta(days=29) < short.expires_at - timezone.now() <= timedelta(days=30)
    assert long.expires_at is None


def test_name_is_given_once(viewer: Client) -> None:
    """The page says so, and makes no second token."""
    make_token(viewer, "report")
    answer = viewer.post(f"{LIST}add/", {"name": "report", "days": "90"})
    assert "active token of this name" in answer.text
    assert ApiToken.objects.count() == 1


def test_others_tokens_are_out_of_sight(viewer: Client) -> None:
    """Neither listed nor opened nor revoked by anybody but administrators."""
    make_token(viewer, "report")
    token = ApiToken.objects.get()
    other = Client()
    other.force_login(make_person("operator", "ann"))
    assert "report" not in other.get(LIST).text
    assert other.get(f"{LIST}{token.pk}/change/").status_code == 302
    assert other.post(f"{LIST}{token.pk}/revoke/").status_code in {403, 404}
    token.refresh_from_db()
    assert token.revoked_at is None


def test_tokens_that_are_good_come_first(viewer: Client) -> None:
    """The revoked ones behind them, however new they are."""
    for name in ("old", "good", "late"):
        make_token(viewer, name)
    ApiToken.objects.filter(name__in=["old", "late"]).update(revoked_at=timezone.now())
    rows = viewer.get(LIST).context["cl"].result_list
    assert [token.name for token in rows] == ["good", "late", "old"]


def test_revoked_token_is_refused(viewer: Client) -> None:
    """After a question that changes nothing; who did it is in the audit list."""
    headers = {"Authorization": f"Bearer {make_token(viewer, 'report')}"}
    token = ApiToken.objects.get()
    assert viewer.get(f"{LIST}{token.pk}/revoke/").status_code == 200
    assert Client().get("/api/v1/events/", headers=headers).status_code == 200
    assert viewer.post(f"{LIST}{token.pk}/revoke/").status_code == 302
    assert Client().get("/api/v1/events/", headers=headers).status_code == 401
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor_name) == ("token_revoked", "the-viewer")


def test_administrator_sees_and_revokes_all(viewer: Client) -> None:
    """Without their values."""
    value = make_token(viewer, "report")
    token = ApiToken.objects.get()
    admin = open_browser("administrator")
    page = admin.get(LIST).text
    assert "report" in page
    assert value not in page
    assert admin.post(f"{LIST}{token.pk}/revoke/").status_code == 302
    token.refresh_from_db()
    assert token.revoked_at


@pytest.mark.parametrize("key", ["999", "x", "_00"])
def test_no_such_token(viewer: Client, key: str) -> None:
    """Whatever stands in the address."""
    assert viewer.get(f"{LIST}{key}/revoke/").status_code in {403, 404}


@pytest.mark.parametrize("act", ["password", "second factor"])
def test_account_that_others_take_in_hand_loses_its_tokens(act: str) -> None:
    """A password set and a factor removed by an administrator revoke them, which is written down.

    Whoever had the account may have made them. Nobody else's are.
    """
    vic = make_person("viewer", "vic")
    actor = actor_of_command()
    create_token(vic, "report", actor)
    create_token(vic, "board", actor)
    create_token(make_person("viewer", "ann"), "report", actor)
    admin = open_browser("administrator")
    page = f"/admin/auth/user/{vic.pk}/"
    if act == "password":
        slip = {"password1": "new-and-long-enough", "password2": "other", "usable_password": "true"}
        assert admin.post(f"{page}password/", slip).status_code == 200
        assert not ApiToken.objects.exclude(revoked_at=None).exists()
        form = slip | {"password2": "new-and-long-enough"}
        assert admin.post(f"{page}password/", form).status_code == 302
    else:
        TOTPDevice.objects.create(user=vic, confirmed=True)
        answer = admin.post(f"{page}second-factor/remove/", {"reason": "Lost the phone."})
        assert answer.status_code == 302
    assert ApiToken.objects.filter(user=vic).exclude(revoked_at=None).count() == 2
    assert ApiToken.objects.filter(revoked_at=None).count() == 1
    assert AuditEntry.objects.filter(action="token_revoked", detail="of vic").count() == 2
