"""The log-in is throttled, and everything about it is written down."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import TimeMachineFixture

from tests.access.people import is_in, make_person, type_password
from webhooks.models import AuditEntry

WRONG = "wrong"

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
    assert {name for _, name in entries()} == {"unknown"}


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
