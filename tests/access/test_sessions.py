"""Sessions end."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from time_machine import TimeMachineFixture

from tests.access.people import is_in, make_person, type_password
from webhooks.models import AuditEntry

pytestmark = pytest.mark.django_db

PAGE = "/admin/webhooks/event/"


@pytest.fixture
def browser() -> Client:
    """Return a browser in which somebody has just logged in."""
    make_person("viewer", "vic")
    client = Client()
    type_password(client, "vic")
    assert client.get(PAGE).status_code == 200
    return client


def ask_later(
    client: Client, time_machine: TimeMachineFixture, later: timedelta, **headers: str
) -> int:
    """Ask for a page at that time from now; return the answer's status."""
    time_machine.move_to(timezone.now() + later, tick=False)
    return client.get(PAGE, headers=headers).status_code


def test_session_ends_after_eight_hours_without_anybody(
    browser: Client, time_machine: TimeMachineFixture
) -> None:
    """Who was away for that long logs in again; it is not said that they logged out."""
    assert ask_later(browser, time_machine, timedelta(hours=7, minutes=59)) == 200
    assert ask_later(browser, time_machine, timedelta(hours=8, minutes=1)) == 302
    assert not is_in(browser)
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.LOGOUT).exists()


def test_session_ends_after_a_day_however_busy(
    browser: Client, time_machine: TimeMachineFixture
) -> None:
    """A session that is used all the time ends as well."""
    statuses = [ask_later(browser, time_machine, timedelta(hours=6)) for _ in range(5)]
    assert statuses == [200, 200, 200, 302, 302]
    assert not is_in(browser)


def test_page_that_refreshes_itself_is_nobody(
    browser: Client, time_machine: TimeMachineFixture
) -> None:
    """A dashboard left open does not keep its session alive."""
    refresh = {"Sec-Fetch-Dest": "empty"}
    for _ in range(2):
        assert ask_later(browser, time_machine, timedelta(hours=3), **refresh) == 200
    assert ask_later(browser, time_machine, timedelta(hours=3), **refresh) == 302


def test_new_password_ends_the_other_sessions(browser: Client) -> None:
    """Who changes their password is alone with their account."""
    other = Client()
    type_password(other, "vic")
    form = {
        "old_password": "right-and-long-enough",
        "new_password1": "another-and-long-enough",
        "new_password2": "another-and-long-enough",
    }
    assert browser.post("/admin/password_change/", form).status_code == 302
    assert browser.get(PAGE).status_code == 200
    assert other.get(PAGE).status_code == 302


def test_session_cookie_is_out_of_reach(browser: Client) -> None:
    """No script reads it, and no other site's form sends it."""
    cookie = browser.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
