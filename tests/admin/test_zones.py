"""Times are the viewer's: shown and typed in the zone that their browser tells."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.admin.pages import list_of
from tests.factories import EventFactory
from webhooks.admin.find.zones import read_zone
from webhooks.admin.words.links import say_age
from webhooks.models import Event

pytestmark = pytest.mark.django_db


def look(client: Client, zone: str, **filters: str) -> tuple[str, set[int]]:
    """Return the list of events as somebody in that zone sees it, and the keys of its rows."""
    client.cookies["timezone"] = zone
    response = client.get(list_of(Event), filters)
    return response.text, {row.pk for row in response.context["cl"].result_list}


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "1 Jul 2026 23:30:00"),
        ("America/New_York", "1 Jul 2026 17:30:00"),
        ("Asia/Kathmandu", "2 Jul 2026 03:15:00"),
        ("", "1 Jul 2026 21:30:00"),
    ],
)
def test_time_is_shown_in_the_viewers_zone(staff: Client, zone: str, shown: str) -> None:
    """And the page says once which zone that is."""
    EventFactory.create(received_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    html, _ = look(staff, zone)
    assert f">{shown}</time>" in html
    assert 'datetime="2026-07-01T21:30:00+00:00"' in html
    assert html.count(f"Times in {zone or 'UTC'}") == 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_filter_by_time_is_meant_in_the_viewers_zone(staff: Client, zone: str) -> None:
    """A day is the viewer's day."""
    in_berlin = EventFactory.create(received_at=datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
    in_new_york = EventFactory.create(received_at=datetime(2026, 7, 2, 3, 30, tzinfo=UTC))
    bounds = {"received_at_from_0": "2026-07-01", "received_at_to_0": "2026-07-01"}
    expected = {"Europe/Berlin": in_berlin, "America/New_York": in_new_york}[zone]
    assert look(staff, zone, **bounds)[1] == {expected.pk}


def test_hour_that_comes_twice_is_found_both_times(staff: Client) -> None:
    """When clocks are put back, what is between two o'clock and three is two hours long."""
    events = [
        EventFactory.create(received_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        for hour in (0, 1)
    ]
    before, after = (
        EventFactory.create(received_at=datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        EventFactory.create(received_at=datetime(2026, 10, 25, 2, 1, tzinfo=UTC)),
    )
    bounds = {
        "received_at_from_0": "2026-10-25",
        "received_at_from_1": "02:00",
        "received_at_to_0": "2026-10-25",
        "received_at_to_1": "02:59:59",
    }
    html, found = look(staff, "Europe/Berlin", **bounds)
    assert found == {event.pk for event in events}
    assert html.count(">25 Oct 2026 02:30:00</time>") == 2
    assert not found & {before.pk, after.pk}


def test_hour_that_is_left_out_is_no_error(staff: Client) -> None:
    """When clocks are put forward, somebody may still type it."""
    bounds = {"received_at_from_0": "2026-03-29", "received_at_from_1": "02:30"}
    assert look(staff, "Europe/Berlin", **bounds)[1] == set()


@pytest.mark.parametrize(
    "name", ["Nowhere/At-All", "../../../etc/passwd", "/etc/localtime", "Europe", "x" * 5000, "é"]
)
def test_cookie_that_names_no_zone_is_passed_over(staff: Client, name: str) -> None:
    """No file is opened for it, and times are in the installation's own zone."""
    assert read_zone(name) is None
    assert "Times in UTC" in look(staff, name)[0]


def test_api_tells_times_in_utc_whatever_the_browser_says(staff: Client) -> None:
    """Programs compare texts."""
    event = EventFactory.create(received_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    staff.cookies["timezone"] = "Europe/Berlin"
    answer = staff.get("/api/v1/events/").json()
    assert answer["results"][0]["event_id"] == str(event.event_id)
    assert answer["results"][0]["received_at"].startswith("2026-07-01T21:30:00")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 days ago"),
        (-90, "in 1 min"),
    ],
)
def test_age_is_said_in_words(seconds: int, said: str) -> None:
    """As people say it; what is to come as well."""
    assert say_age(seconds) == said
