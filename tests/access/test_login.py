"""The log-in is throttled, and everything about it is written down."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import TimeMachineFixture

from tests.access.people import is_in, make_person, type_password
from webhooks.access.failures import span_of
from webhooks.models import AuditEntry

WRONG = "wrong"
OWN_PASSWORD = "/admin/password_change/"
OWN_FACTOR = "/admin/auth/user/second-factor/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def vic() -> User:
    """Return somebody who may come in."""
    return make_person("viewer", "vic")


def fail(client: Client, times: int = 5, name: str = "vic", address: str = "") -> list[int]:
    """Type a wrong password so often; return the answers' statuses."""
    return [type_password(client, name, WRONG, address) for _ in range(times)]


def entries() -> list[tuple[str, str]]:
    """Return the audit list's actions and who they are of, the first first."""
    return list(AuditEntry.objects.order_by("id").values_list("action", "actor_name"))


def test_right_password_leads_in(client: Client, vic: User) -> None:
    """A log-in ends where somebody wanted to go, and is in the audit list with its address."""
    form = {"username": "vic", "password": "right-and-long-enough"}
    answer = client.post("/admin/login/?next=/admin/webhooks/event/", form, REMOTE_ADDR="192.0.2.9")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/webhooks/event/")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.remote_address) == ("login", vic, "192.0.2.9")


def test_fifth_wrong_password_locks_out(client: Client) -> None:
    """From then on not even the right password is taken, and the answer says for how long."""
    assert fail(client) == [200, 200, 200, 200, 429]
    form = {"username": "vic", "password": "right-and-long-enough"}
    answer = client.post("/admin/login/", form, REMOTE_ADDR="203.0.113.7")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 900
    assert b"15 minutes" in answer.content
    assert not is_in(client)


def test_lockout_ends(client: Client, time_machine: TimeMachineFixture) -> None:
    """Once its time is over, however often it was tried meanwhile, the password counts again."""
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    fail(client)
    time_machine.move_to(now + timedelta(minutes=14), tick=False)
    assert fail(client, 3) == [429, 429, 429]
    time_machine.move_to(now + timedelta(minutes=16), tick=False)
    assert type_password(client, "vic") == 302
    assert is_in(client)


def test_lockout_is_of_a_name_from_an_address(client: Client) -> None:
    """The person themselves, elsewhere, and others from there are not locked out by it."""
    make_person("viewer", "ann")
    fail(client)
    assert type_password(client, "ann") == 302
    assert type_password(Client(), "vic", address="198.51.100.1") == 302


def test_success_starts_the_count_anew(client: Client) -> None:
    """Four slips, a log-in and four more slips are no lockout."""
    fail(client, 4)
    assert type_password(client, "vic") == 302
    assert fail(Client(), 4) == [200, 200, 200, 200]


def test_address_is_the_one_before_ones_own_proxies(client: Client, settings: Settings) -> None:
    """Behind a proxy, a lockout is of the address that it names, whatever the client says."""
    settings.TRUSTED_PROXIES = 1
    form = {"username": "vic", "password": WRONG}
    for number in range(5):
        header = f"10.0.0.{number}, 198.51.100.7"
        answer = client.post("/admin/login/", form, headers={"X-Forwarded-For": header})
    assert answer.status_code == 429
    assert set(AuditEntry.objects.values_list("remote_address", flat=True)) == {"198.51.100.7"}


def test_failures_and_the_lockout_are_written_down_once(client: Client) -> None:
    """What is tried while somebody is locked out adds nothing: nobody floods the list."""
    fail(client, 8)
    assert sorted(entries()) == [("locked_out", "vic")] + [("login_failed", "vic")] * 5


def test_unknown_name_is_not_written_down(client: Client) -> None:
    """It may be a password that was typed into the wrong field."""
    assert type_password(client, "my-secret-password") == 200
    assert type_password(client, "nul\0name") == 200
    assert entries() == [("login_failed", "unknown")]


def test_nothing_that_was_typed_is_stored(client: Client) -> None:
    """Neither a password nor one that was typed as a name nor a code, wherever it failed."""
    client.post("/admin/login/", {"username": "canary-name", "password": "canary-password"})
    browser = Client()
    browser.force_login(User.objects.get(username="vic"))
    browser.post(OWN_FACTOR, {"password": "canary-password", "code": "canary-code"})
    form = {"old_password": "canary-old", "new_password1": "canary-a", "new_password2": "canary-a"}
    browser.post(OWN_PASSWORD, form)
    attempts = list(AccessAttempt.objects.values())
    assert sum(attempt["failures_since_start"] for attempt in attempts) == 3
    assert "canary" not in str(attempts)


def test_address_that_tries_name_after_name_is_locked_out(
    client: Client, settings: Settings
) -> None:
    """Also by the addresses of its network, and for everybody there; nobody elsewhere is."""
    settings.LOGIN_ADDRESS_FAILURE_LIMIT = 8
    names = [f"name-{number}" for number in range(8)]
    homes = [f"2001:db8::{number}" for number in range(8)]
    statuses = [fail(client, 1, *who)[0] for who in zip(names, homes, strict=True)]
    assert statuses == [200] * 7 + [429]
    form = {"username": "vic", "password": "right-and-long-enough"}
    answer = client.post("/admin/login/", form, REMOTE_ADDR="2001:db8::99")
    assert answer.status_code == 429
    assert 890 < int(answer["Retry-After"]) <= 900
    assert type_password(client, "vic", address="2001:db8:0:1::1") == 302


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.9", "192.0.2.9/32"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:c000:209", "::ffff:c000:209/128"),
    ],
)
def test_only_addresses_of_one_network_count_as_one(address: str, network: str) -> None:
    """An IPv4 address stands alone, also where a server writes it as one of IPv6."""
    assert span_of(address) == ip_network(network)


def test_strangers_do_not_fill_the_list(client: Client) -> None:
    """Of names that nobody has, an address and hour leave one entry; the next hour's is new."""
    for number in range(3):
        fail(client, 1, f"name-{number}", f"2001:db8::{number}")
    fail(client, 1, "name", "198.51.100.1")
    assert entries() == [("login_failed", "unknown")] * 2
    AuditEntry.objects.update(at=timezone.now() - timedelta(hours=1, minutes=1))
    fail(client, 1, "name", "198.51.100.1")
    assert len(entries()) == 3


def test_own_new_password_is_written_down_once(client: Client) -> None:
    """That there is a new one, and not what it is."""
    client.force_login(User.objects.get(username="vic"))
    form = {"old_password": "right-and-long-enough"}
    form |= {"new_password1": "another-and-long-enough", "new_password2": "another-and-long-enough"}
    before = AuditEntry.objects.count()
    assert client.post(OWN_PASSWORD, form).status_code == 302
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.subject, entry.detail) == ("changed", "vic", "password")


def test_guesses_at_the_old_password_lock_out(client: Client) -> None:
    """Who sits at an open browser has five; the fifth locks out, and the right one then, too."""
    client.force_login(User.objects.get(username="vic"))
    form = {"old_password": WRONG}
    form |= {"new_password1": "another-and-long-enough", "new_password2": "another-and-long-enough"}
    assert client.get(OWN_PASSWORD).status_code == 200
    statuses = [client.post(OWN_PASSWORD, form).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    form["old_password"] = "right-and-long-enough"
    assert client.post(OWN_PASSWORD, form).status_code == 429
    assert User.objects.get(username="vic").check_password("right-and-long-enough")


def test_logout_is_written_down(client: Client) -> None:
    """Who logs out is in the list; a browser in which nobody was logged in is not."""
    type_password(client, "vic")
    client.post("/admin/logout/")
    Client().post("/admin/logout/")
    assert entries() == [("login", "vic"), ("logout", "vic")]


def test_who_is_no_staff_does_not_come_in(client: Client) -> None:
    """A role alone is not enough: the account must be one of the staff."""
    user = make_person("administrator", "out")
    User.objects.filter(pk=user.pk).update(is_staff=False)
    assert type_password(client, "out") == 200
    assert not is_in(client)
