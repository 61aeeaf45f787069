"""The second factor: set up by oneself, asked for at the log-in, removed by administrators."""

import re
import time

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from tests.access.people import PASSWORD, is_in, make_person, open_browser, type_password
from webhooks.models import AuditEntry

pytestmark = pytest.mark.django_db

OWN = "/admin/auth/user/second-factor/"
CODE = "/admin/login/code/"
WANTED = "/admin/webhooks/event/"


def show_code(user: User) -> str:
    """Return what the user's app shows now, as if it had not been shown before."""
    device = TOTPDevice.objects.get(user=user)
    device.last_t, device.throttling_failure_count = -1, 0
    device.save()
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time()
    return f"{totp.token():06d}"


def set_up(client: Client, user: User) -> list[str]:
    """Set up a second factor as its page asks for; return the recovery codes."""
    assert client.get(OWN).status_code == 200
    answer = client.post(OWN, {"password": PASSWORD, "code": show_code(user)})
    found = re.search('aria-label="Recovery codes">(.*?)</pre>', answer.text, re.DOTALL)
    assert found
    return found[1].split()


@pytest.fixture
def vic() -> User:
    """Return somebody without a second factor."""
    return make_person("viewer", "vic")


@pytest.fixture
def browser(vic: User) -> Client:
    """Return a browser in which they are logged in."""
    client = Client()
    type_password(client, vic.username)
    return client


@pytest.fixture
def codes(browser: Client, vic: User) -> list[str]:
    """Return the recovery codes that they were shown as they set up a second factor."""
    return set_up(browser, vic)


def test_who_has_none_is_not_asked(vic: User, client: Client) -> None:
    """The password leads in."""
    assert type_password(client, vic.username) == 302
    assert is_in(client)


def test_picture_holds_the_key_and_comes_from_here(browser: Client, vic: User) -> None:
    """The QR code is drawn into the page, beside the key to be typed."""
    page = browser.get(OWN).text
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    key = TOTPDevice.objects.get(user=vic).config_url.partition("secret=")[2][:4]
    assert f"<code>{key} " in page


def test_set_up_wants_the_password_and_a_right_code(browser: Client, vic: User) -> None:
    """Somebody at an open browser cannot put their own app in."""
    browser.get(OWN)
    for password, code in (("wrong", show_code(vic)), (PASSWORD, "000000"), (PASSWORD, "x")):
        show_code(vic)
        answer = browser.post(OWN, {"password": password, "code": code})
        assert answer.status_code == 200
        assert not TOTPDevice.objects.filter(confirmed=True).exists()


@pytest.mark.usefixtures("codes")
def test_password_alone_does_not_lead_in(vic: User, client: Client) -> None:
    """After it nobody is logged in, and no page opens."""
    assert type_password(client, vic.username) == 302
    assert not is_in(client)
    assert client.get(WANTED)["Location"].startswith("/admin/login/")


@pytest.mark.usefixtures("codes")
def test_code_leads_to_where_somebody_wanted_to_go(vic: User, client: Client) -> None:
    """Name and password, then the code, then the page."""
    type_password(client, vic.username)
    assert client.get(CODE).status_code == 200
    answer = client.post(CODE, {"code": show_code(vic)})
    assert (answer.status_code, answer["Location"]) == (302, WANTED)
    assert client.get(WANTED).status_code == 200


@pytest.mark.usefixtures("codes")
def test_code_does_not_lead_to_another_site(vic: User, client: Client) -> None:
    """A link to the log-in that wants to go elsewhere ends on our start page."""
    form = {"username": vic.username, "password": PASSWORD}
    client.post("/admin/login/?next=https://evil.example/", form)
    assert client.post(CODE, {"code": show_code(vic)})["Location"] == "/admin/"


@pytest.mark.usefixtures("codes")
def test_code_is_taken_once(vic: User, client: Client) -> None:
    """Who looks over a shoulder cannot use it again."""
    code = show_code(vic)
    type_password(client, vic.username)
    client.post(CODE, {"code": code})
    second = Client()
    type_password(second, vic.username)
    assert second.post(CODE, {"code": code}).status_code == 200
    assert not is_in(second)


def test_recovery_code_is_taken_once(vic: User, client: Client, codes: list[str]) -> None:
    """However it is typed; what is stored of the others is a hash."""
    type_password(client, vic.username)
    assert client.post(CODE, {"code": codes[0].upper()}).status_code == 302
    second = Client()
    type_password(second, vic.username)
    assert second.post(CODE, {"code": codes[0]}).status_code == 200
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert len(stored) == 9
    assert not stored & {code.replace("-", "") for code in codes}


@pytest.mark.usefixtures("codes")
def test_wrong_codes_wait_longer_and_lock_out(vic: User, client: Client) -> None:
    """The second guess is not even looked at for a while, and the fifth locks out."""
    type_password(client, vic.username)
    assert client.post(CODE, {"code": "000000"}, REMOTE_ADDR="203.0.113.7").status_code == 200
    assert b"Wait 1 s" in client.post(CODE, {"code": "000000"}, REMOTE_ADDR="203.0.113.7").content
    statuses = []
    for _ in range(4):
        show_code(vic)  # as if it had waited
        statuses.append(
            client.post(CODE, {"code": "000000"}, REMOTE_ADDR="203.0.113.7").status_code
        )
    assert statuses == [200, 200, 200, 429]
    right = client.post(CODE, {"code": show_code(vic)}, REMOTE_ADDR="203.0.113.7")
    assert right.status_code == 429
    assert not is_in(client)


@pytest.mark.usefixtures("codes")
def test_new_password_voids_a_log_in_that_is_half_done(vic: User, client: Client) -> None:
    """Who knows the old one and waits at the second step is sent back."""
    type_password(client, vic.username)
    vic.set_password("another-and-long-enough")
    vic.save()
    assert client.post(CODE, {"code": show_code(vic)})["Location"] == "/admin/login/"


def test_code_page_is_not_open_without_a_password(client: Client) -> None:
    """It leads back to the first step."""
    assert client.get(CODE)["Location"] == "/admin/login/"


def test_set_up_ends_the_other_sessions(vic: User, browser: Client) -> None:
    """Whoever was in before with the password alone is out."""
    other = Client()
    type_password(other, vic.username)
    set_up(browser, vic)
    assert browser.get(WANTED).status_code == 200
    assert other.get(WANTED).status_code == 302


@pytest.mark.usefixtures("codes")
def test_turning_it_off_takes_password_and_code(browser: Client, vic: User) -> None:
    """And then the password is enough again."""
    browser.post(OWN, {"password": PASSWORD, "code": "111111", "off": "1"})
    assert TOTPDevice.objects.exists()
    browser.post(OWN, {"password": PASSWORD, "code": show_code(vic), "off": "1"})
    assert not TOTPDevice.objects.exists()
    details = AuditEntry.objects.filter(action="changed").values_list("detail", flat=True)
    assert list(details) == ["Turned the second factor off.", "Set up a second factor."]


@pytest.mark.usefixtures("codes")
@pytest.mark.parametrize("button", ["off", "renew"])
def test_nothing_is_done_that_cannot_be_written_down(
    browser: Client, vic: User, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    """The app and the recovery codes stay as they were when the entry fails."""

    def fail(*_: object) -> None:
        raise OperationalError

    before = sorted(StaticToken.objects.values_list("token", flat=True))
    monkeypatch.setattr("webhooks.admin.second_factor.note", fail)
    browser.raise_request_exception = False
    form = {"password": PASSWORD, "code": show_code(vic), button: "1"}
    assert browser.post(OWN, form).status_code >= 500
    assert TOTPDevice.objects.filter(user=vic, confirmed=True).exists()
    assert sorted(StaticToken.objects.values_list("token", flat=True)) == before


def test_new_recovery_codes_void_the_old_ones(
    browser: Client, vic: User, codes: list[str], client: Client
) -> None:
    """A list that was lost is worth nothing."""
    answer = browser.post(OWN, {"password": PASSWORD, "code": show_code(vic), "renew": "1"})
    assert b"Recovery codes" in answer.content
    type_password(client, vic.username)
    assert client.post(CODE, {"code": codes[0]}).status_code == 200


@pytest.mark.usefixtures("codes")
def test_administrator_removes_a_lost_one(vic: User) -> None:
    """With a reason, which is in the audit list; then the password is enough."""
    admin = open_browser("administrator")
    page = f"/admin/auth/user/{vic.pk}/second-factor/remove/"
    assert admin.get(page).status_code == 200
    assert TOTPDevice.objects.exists()
    assert admin.post(page, {"reason": "Lost the phone."}).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    entry = AuditEntry.objects.filter(action="changed").latest("pk")
    assert entry.detail == "Removed the second factor: Lost the phone."
    assert (entry.subject_type, entry.subject_id) == ("auth.user", str(vic.pk))


def test_administrators_own_takes_proof_like_everybodys() -> None:
    """Neither the factor goes nor the password changes where others' are put right."""
    boss = make_person("administrator", "boss")
    browser = Client()
    browser.force_login(boss)
    set_up(browser, boss)
    remove = f"/admin/auth/user/{boss.pk}/second-factor/remove/"
    assert browser.post(remove, {"reason": "Mine."})["Location"] == OWN
    assert TOTPDevice.objects.filter(user=boss, confirmed=True).exists()
    form = {"password1": "new-and-long-enough", "password2": "new-and-long-enough"}
    answer = browser.post(
        f"/admin/auth/user/{boss.pk}/password/", form | {"usable_password": "true"}
    )
    assert answer["Location"] == "/admin/password_change/"
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_where_it_is_compulsory_nothing_else_opens(
    browser: Client, vic: User, settings: Settings
) -> None:
    """Neither a page nor the API by the session; once it is set up, all do."""
    settings.ADMIN_REQUIRES_SECOND_FACTOR = True
    assert browser.get(WANTED)["Location"] == OWN
    assert browser.get("/api/v1/events/").status_code == 403
    set_up(browser, vic)
    assert browser.get(WANTED).status_code == 200
    assert browser.get("/api/v1/events/").status_code == 200


def test_keys_have_no_page(browser: Client) -> None:
    """django-otp's own pages, which show them, are not there."""
    admin = open_browser("administrator")
    for path in ("otp_totp/totpdevice/", "otp_static/staticdevice/"):
        assert admin.get(f"/admin/{path}").status_code == 404
        assert browser.get(f"/admin/{path}").status_code == 404
