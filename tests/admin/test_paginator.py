"""Lists page through any number of rows without counting them."""

from types import ModuleType

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.pages import list_of
from tests.factories import SourceFactory
from webhooks.admin import paginator
from webhooks.admin.paginator import InfinitePaginator
from webhooks.models import Event, Source

pytestmark = pytest.mark.django_db


@pytest.fixture
def few_counted(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Count no more than ten rows, and page through no more than forty."""
    monkeypatch.setattr(paginator, "COUNTED", 10)
    monkeypatch.setattr(paginator, "DEEPEST", 40)
    return paginator


def make_pages(rows: int, per_page: int = 5) -> InfinitePaginator:
    """Return a paginator over as many rows, in their order."""
    SourceFactory.create_batch(rows)
    return InfinitePaginator(Source.objects.order_by("pk"), per_page)


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10])
@pytest.mark.usefixtures("few_counted")
def test_small_table_is_paged_as_django_does(rows: int) -> None:
    """The number of rows and pages is exact, and the pages have all rows once."""
    pages = make_pages(rows)
    assert pages.is_counted
    assert pages.count == rows
    assert pages.num_pages == max(1, -(-rows // 5))
    seen = [row.pk for number in range(1, pages.num_pages + 1) for row in pages.page(number)]
    assert seen == list(Source.objects.order_by("pk").values_list("pk", flat=True))
    assert not pages.has_more
    with pytest.raises(EmptyPage):
        pages.page(pages.num_pages + 1)


@pytest.mark.usefixtures("few_counted")
def test_large_table_is_paged_to_its_end() -> None:
    """Pages go on past what is counted, and the last one says that it is the last."""
    pages = make_pages(23)
    assert not pages.is_counted
    seen, more = [], []
    for number in range(1, 6):
        seen += [row.pk for row in pages.page(number)]
        more.append(pages.has_more)
    assert seen == list(Source.objects.order_by("pk").values_list("pk", flat=True))
    assert more == [True, True, True, True, False]
    with pytest.raises(EmptyPage):
        pages.page(6)


@pytest.mark.usefixtures("few_counted")
def test_nobody_pages_deeper_than_the_limit() -> None:
    """The database would walk past all the rows before."""
    pages = make_pages(60)
    assert len(pages.page(8)) == 5
    assert not pages.has_more
    with pytest.raises(EmptyPage):
        pages.page(9)


@pytest.mark.usefixtures("few_counted")
def test_no_query_reads_more_than_it_needs() -> None:
    """The count stops at its limit, and a page reads one row more than it shows."""
    pages = make_pages(30)
    with CaptureQueriesContext(connection) as queries:
        assert pages.count == 11
        pages.page(2)
    count, page = (query["sql"] for query in queries)
    assert "LIMIT 11" in count
    assert "ORDER BY" not in count
    assert "LIMIT 6 OFFSET 5" in page


@pytest.mark.usefixtures("story")
def test_list_says_how_many_rows_there_are(staff: Client) -> None:
    """A list of few rows has its number below."""
    html = " ".join(staff.get(list_of(Event)).text.split())
    assert "3 events" in html
    assert "Next" not in html


@pytest.mark.usefixtures("story", "few_counted")
def test_list_leads_to_the_next_page_and_back(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next and Previous are there where there is somewhere to go, and keep the filters."""
    monkeypatch.setattr(paginator, "COUNTED", 1)
    monkeypatch.setattr("webhooks.admin.base.ReadOnlyAdmin.list_per_page", 1)
    first = " ".join(staff.get(list_of(Event), {"status__exact": "processed"}).text.split())
    assert "Page 1, more than" in first
    assert 'href="?p=2&amp;status__exact=processed" rel="next"' in first.replace(
        "status__exact=processed&amp;p=2", "p=2&amp;status__exact=processed"
    )
    assert 'rel="prev"' not in first
    last = staff.get(list_of(Event), {"p": 3}).text
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999999999999", "99"])
@pytest.mark.usefixtures("story")
def test_page_that_is_not_there_is_no_error(staff: Client, page: str) -> None:
    """Whatever is typed into the address, there is an answer."""
    assert staff.get(list_of(Event), {"p": page}).status_code in (200, 302)
