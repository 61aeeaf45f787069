"""Lists are paged by key: each page goes on where another ended, whatever comes in meanwhile."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.admin import SimpleListFilter
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.ledger.models import LedgerContact
from tests.admin.pages import list_of, page_of
from tests.factories import EventFactory, SourceFactory
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.events import EventAdmin
from webhooks.models import Event, RejectionCount

SIZE = 5


@pytest.fixture(autouse=True)
def _few_a_page(monkeypatch: pytest.MonkeyPatch, db: None) -> None:  # noqa: ARG001 -- asks for the database
    """Have pages of five rows."""
    monkeypatch.setattr(ReadOnlyAdmin, "list_per_page", SIZE)
    monkeypatch.setattr("integrations.ledger.admin.records.RecordAdmin.list_per_page", SIZE)


def read_page(client: Client, address: str) -> tuple[list[int], dict[str, str]]:
    """Return the keys of a page's rows, and the addresses of the pages around it."""
    response = client.get(address)
    assert response.status_code == 200
    nav = response.text.partition('aria-label="Pages"')[2].partition("</nav>")[0]
    path = address.partition("?")[0]
    links = re.findall(r'href="([^"]*)"[^>]*>(\w+)<', nav)
    around = {text: path + unescape(href) for href, text in links}
    return [row.pk for row in response.context["cl"].result_list], around


def walk(client: Client, address: str, way: str) -> list[list[int]]:
    """Return the pages from an address on."""
    pages = []
    while address:
        rows, around = read_page(client, address)
        pages.append(rows)
        address = around.get(way, "")
        assert len(pages) < 20
    return pages


@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, 10, 23])
def test_pages_have_every_row_once(staff: Client, number: int) -> None:
    """From the newest to the oldest, and there is no page behind the last row."""
    EventFactory.create_batch(number)
    pages = walk(staff, list_of(Event), "Older")
    expected = list(Event.objects.order_by("-pk").values_list("pk", flat=True))
    assert [key for page in pages for key in page] == expected
    assert [len(page) for page in pages[:-1]] == [SIZE] * (len(pages) - 1)
    assert pages[-1] or not expected


def test_way_back_has_the_same_pages(staff: Client) -> None:
    """From the oldest page to the newest, and there one is at the top."""
    EventFactory.create_batch(3 * SIZE)
    last = list_of(Event)
    while older := read_page(staff, last)[1].get("Older"):
        last = older
    pages = walk(staff, last, "Newer")
    assert pages == walk(staff, list_of(Event), "Older")[::-1]
    assert read_page(staff, list_of(Event))[1].keys() == {"Older"}


def test_rows_that_come_in_shift_no_page(staff: Client) -> None:
    """Who pages on meets no row twice and misses none, and sees the new ones by going back."""
    EventFactory.create_batch(2 * SIZE)
    first, around = read_page(staff, list_of(Event))
    new = EventFactory.create_batch(7)
    second, around = read_page(staff, around["Older"])
    assert not set(first) & set(second)
    assert {*first, *second, *(event.pk for event in new)} == set(
        Event.objects.values_list("pk", flat=True)
    )
    back, around = read_page(staff, around["Newer"])
    assert back == first
    assert walk(staff, around["Newer"], "Newer")[-1][0] == new[-1].pk
    assert read_page(staff, around["Newest"])[0][0] == new[-1].pk


def test_page_of_less_than_a_page_of_newer_rows_is_a_whole_one(staff: Client) -> None:
    """At the top there is always a page's worth, not a stub."""
    events = EventFactory.create_batch(2 * SIZE)
    rows, around = read_page(staff, f"{list_of(Event)}?after={events[-3].pk}")
    assert rows == [event.pk for event in events[: SIZE - 1 : -1]]
    assert around.keys() == {"Older"}


def test_pages_keep_the_filters(staff: Client) -> None:
    """Older and newer lead through the list as it is filtered."""
    EventFactory.create_batch(2 * SIZE)
    dead = EventFactory.create_batch(2 * SIZE + 1, status="dead")
    pages = walk(staff, f"{list_of(Event)}?status__exact=dead", "Older")
    assert [key for page in pages for key in page] == [event.pk for event in dead[::-1]]


@pytest.mark.parametrize("sent", ["before=", "before=x", "after=-1", "before=٣", "before=1e9"])
def test_page_behind_what_is_no_key_is_the_first(staff: Client, sent: str) -> None:
    """Whatever is typed into the address, there is an answer."""
    events = EventFactory.create_batch(2)
    rows, _ = read_page(staff, f"{list_of(Event)}?{sent}")
    assert rows == [event.pk for event in events[::-1]]


@pytest.mark.parametrize("sent", ["before=" + "9" * 30, "after=" + "9" * 19, "after=" + "9" * 18])
def test_key_of_any_length_is_no_error(staff: Client, sent: str) -> None:
    """Postgres's keys end somewhere."""
    EventFactory.create_batch(2)
    assert len(read_page(staff, f"{list_of(Event)}?{sent}")[0]) == 2


def test_page_that_is_empty_by_now_leads_to_the_newest(staff: Client) -> None:
    """All older rows may have been removed since."""
    event = EventFactory.create()
    rows, around = read_page(staff, f"{list_of(Event)}?before={event.pk}")
    assert rows == []
    assert read_page(staff, around["Newest"])[0] == [event.pk]


def test_list_in_another_order_is_paged_in_that(staff: Client) -> None:
    """By hour and then by key, without a row twice or left out among equals."""
    source, now = SourceFactory.create(), timezone.now().replace(minute=0, second=0, microsecond=0)
    for day in (3, 1, 2):
        for verification in ("missing_signature", "stale_timestamp", "signature_mismatch"):
            RejectionCount.objects.create(
                source=source,
                hour=now - timedelta(days=day),
                verification=verification,
                count=1,
            )
    pages = walk(staff, list_of(RejectionCount), "Older")
    expected = RejectionCount.objects.order_by("-hour", "-pk").values_list("pk", flat=True)
    assert [key for page in pages for key in page] == list(expected)
    assert len(pages) == 2
    last = read_page(staff, list_of(RejectionCount))[1]["Older"]
    assert walk(staff, last, "Newer") == pages[::-1]


def test_ledger_is_paged_in_the_same_way(staff: Client) -> None:
    """Its lists grow as fast as the others."""
    for number in range(2 * SIZE + 1):
        LedgerContact.objects.create(phone_number=f"+49151{number:07}")
    pages = walk(staff, list_of(LedgerContact), "Older")
    expected = LedgerContact.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)
    assert [key for page in pages for key in page] == list(expected)


def test_no_page_walks_past_rows(staff: Client) -> None:
    """Neither an offset nor a count beyond its limit: the last page costs what the first does."""
    EventFactory.create_batch(3 * SIZE)
    address = list_of(Event)
    with CaptureQueriesContext(connection) as queries:
        while address:
            address = read_page(staff, address)[1].get("Older", "")
    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if "OFFSET" in sql]
    for sql in statements:
        assert sql.upper().count("COUNT(") == sql.count("LIMIT 1001"), sql


def test_list_says_how_many_rows_there_are(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly where there are few, and that there are more where there are many."""
    EventFactory.create_batch(SIZE + 1)
    assert "6 events" in " ".join(staff.get(list_of(Event)).text.split())
    monkeypatch.setattr("webhooks.admin.find.counts.COUNTED", 3)
    assert "3+ events" in " ".join(staff.get(list_of(Event)).text.split())


class Dawdling(SimpleListFilter):
    """A filter that takes Postgres a while for each row."""

    title = parameter_name = "dawdle"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the one choice there is."""
        return [("yes", "yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:  # noqa: ARG002
        """Return all rows, slowly."""
        return (
            queryset.extra(where=["pg_sleep(0.02 + 0 * webhooks_event.id) IS NOT NULL"])
            if self.value()
            else queryset
        )


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a filter of events that takes 20 ms a row; return the address of what it leaves."""
    monkeypatch.setattr(EventAdmin, "list_filter", [Dawdling])
    return f"{list_of(Event)}?dawdle=yes"


def read_limit() -> str:
    """Return how long a statement may take on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone())


def test_count_that_takes_long_is_given_up(
    staff: Client, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has its rows and says that there are many; the connection goes on as it was."""
    monkeypatch.setattr("webhooks.admin.find.counts.PATIENCE", timedelta(milliseconds=100))
    monkeypatch.setattr("webhooks.admin.find.paginator.PATIENCE", timedelta(minutes=1))
    limit = read_limit()
    events = EventFactory.create_batch(4 * SIZE)
    response = staff.get(slow)
    assert [row.pk for row in response.context["cl"].result_list] == [
        event.pk for event in events[: -SIZE - 1 : -1]
    ]
    assert "many events" in " ".join(response.text.split())
    assert "Older" in read_page(staff, slow)[1]
    assert read_limit() == limit


def test_rows_that_take_long_to_find_are_refused_in_words(
    staff: Client, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error, and not a list that looks as if there were none."""
    monkeypatch.setattr("webhooks.admin.find.paginator.PATIENCE", timedelta(milliseconds=50))
    EventFactory.create_batch(SIZE)
    response = staff.get(slow)
    assert response.status_code == 200
    assert list(response.context["cl"].result_list) == []
    assert "These filters together take too long to look for" in response.text
    assert "many events" in " ".join(response.text.split())
    assert "0 events" not in " ".join(response.text.split())
    assert len(read_page(staff, list_of(Event))[0]) == SIZE


def test_way_back_from_a_row_leads_to_where_one_was(staff: Client) -> None:
    """To the same filters and the same page, by the page's own link."""
    EventFactory.create_batch(2 * SIZE, status="dead")
    address = read_page(staff, f"{list_of(Event)}?status__exact=dead")[1]["Older"]
    rows, _ = read_page(staff, address)
    link = re.search(
        rf'href="({page_of(Event.objects.get(pk=rows[0]))}[^"]*)"', staff.get(address).text
    )
    assert link
    html = staff.get(unescape(link.group(1))).text
    back = re.search(rf'href="({list_of(Event)}\?[^"]*)" class="align-middle', html)
    assert back
    assert read_page(staff, unescape(back.group(1)))[0] == rows
    assert "status__exact=dead" in back.group(1)


def test_other_filters_begin_with_their_first_page(staff: Client) -> None:
    """Neither the filters' form nor the search sends along where the page was."""
    EventFactory.create_batch(2 * SIZE)
    html = staff.get(read_page(staff, list_of(Event))[1]["Older"]).text
    assert 'name="before"' not in html
