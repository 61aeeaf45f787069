"""Going through a long list."""

import pytest
from rest_framework.test import APIClient

from tests.factories import EventFactory, SourceFactory
from webhooks.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def events() -> list[str]:
    """Return the ids of 12 events, the latest first."""
    events = EventFactory.create_batch(12, source=SourceFactory.create())
    return [str(event.event_id) for event in events[::-1]]


def list_ids(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the events that a page has."""
    return [row["event_id"] for row in answer["results"]]


def test_pages_follow_each_other_to_the_end_and_back(viewer: APIClient, events: list[str]) -> None:
    """Every event is on one page, newest first; `previous` leads back the same way."""
    page = viewer.get("/api/v1/events/", {"page_size": 5}).json()
    assert page["previous"] is None
    seen = [list_ids(page)]
    while page["next"]:
        page = viewer.get(page["next"]).json()
        seen.append(list_ids(page))
    assert seen == [events[:5], events[5:10], events[10:]]
    page = viewer.get(page["previous"]).json()
    assert list_ids(page) == seen[1]


def test_what_arrives_meanwhile_moves_no_page(viewer: APIClient, events: list[str]) -> None:
    """The second page begins where the first ended, although there is a newer event by then."""
    page = viewer.get("/api/v1/events/", {"page_size": 5}).json()
    EventFactory.create()
    assert list_ids(viewer.get(page["next"]).json()) == events[5:10]


def test_filters_stay_on_all_pages(viewer: APIClient, events: list[str]) -> None:
    """`next` carries the filter."""
    Event.objects.filter(event_id__in=events[::2]).update(status=Event.Status.FAILED)
    page = viewer.get("/api/v1/events/", {"page_size": "4", "status": "failed"}).json()
    following = viewer.get(page["next"]).json()
    assert list_ids(page) + list_ids(following) == events[::2]
    assert following["next"] is None


def test_a_page_has_50_results_unless_asked_and_never_more_than_200(viewer: APIClient) -> None:
    """A client that wants more gets the most there is, and the address of the rest."""
    EventFactory.create_batch(201, source=SourceFactory.create())
    assert len(viewer.get("/api/v1/events/").json()["results"]) == 50
    page = viewer.get("/api/v1/events/", {"page_size": 1000}).json()
    assert len(page["results"]) == 200
    assert len(viewer.get(page["next"]).json()["results"]) == 1


@pytest.mark.parametrize("size", ["0", "-1", "ten", "1.5", "٣", "\0"])
def test_a_page_size_that_is_no_number_is_400(viewer: APIClient, size: str) -> None:
    """The answer names the parameter."""
    response = viewer.get("/api/v1/events/", {"page_size": size})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"page_size"}


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "next-",
        "next-abc",
        "next-1e3",
        "next-\0",
        "next-1\n",
        f"next-{'9' * 19}",
        f"next-{'9' * 5000}",
        "next--1",
        "next-\u0661",
        "sideways-1",
    ],
)
def test_a_cursor_that_no_page_gave_is_400(viewer: APIClient, cursor: str) -> None:
    """It is not passed on to Postgres, and the answer names it."""
    response = viewer.get("/api/v1/events/", {"cursor": cursor})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"cursor"}


def test_a_page_beyond_the_last_one_is_empty_and_leads_back(
    viewer: APIClient, events: list[str]
) -> None:
    """A cursor that some page could have given is answered, whatever has become of the rows."""
    page = viewer.get("/api/v1/events/", {"cursor": "next-0"}).json()
    assert (page["results"], page["next"]) == ([], None)
    # REST framework looks for what comes before the cursor's own place.
    assert list_ids(viewer.get(page["previous"]).json()) == events


def test_integrations_are_paged_by_their_names(viewer: APIClient) -> None:
    """The list is short, and pages all the same."""
    page = viewer.get("/api/v1/integrations/", {"page_size": 3}).json()
    assert [row["alias"] for row in page["results"]] == ["crm", "tasks", "tickets"]
    page = viewer.get(page["next"]).json()
    assert [row["alias"] for row in page["results"]] == ["usage"]
