"""Page through tables that are too large to count."""

from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNTED = 1000
"""Rows that are counted exactly; of more than these is only said that they are more."""

DEEPEST = 100_000
"""Rows that may be paged through: the database walks past all of them to reach the last page."""


class InfinitePaginator(Paginator):  # type: ignore[type-arg] # generic for mypy alone
    """Pages a queryset without ever reading more of it than the pages up to the one asked for.

    Small results behave as with Django's paginator. Beyond `COUNTED` rows there are as many pages
    as one can turn to, and `has_more` tells whether there is another one. Called as unfold's own,
    since its templates know by this name that there is no whole count to show.
    """

    template_name = "admin/pagination_infinite.html"
    object_list: QuerySet[Any]

    counted = COUNTED
    has_more = False
    """Whether rows follow the page that was taken last."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or `COUNTED` + 1 where there are more than `COUNTED`."""
        return self.object_list.order_by().values("pk")[: COUNTED + 1].count()

    @property
    def is_counted(self) -> bool:
        """Whether `count` is the whole truth."""
        return self.count <= COUNTED

    @property
    def num_pages(self) -> int:
        """The number of pages that one may turn to."""
        rows = self.count if self.is_counted else DEEPEST
        return max(1, -(-rows // self.per_page))

    def page(self, number: int | str) -> Page[Any]:
        """Return one page. Raises `InvalidPage` where there is none of that number."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        # One row more than is shown tells whether there is a next page.
        rows = list(self.object_list[start : start + self.per_page + 1])
        if number > 1 and not rows:
            raise EmptyPage("That page contains no results")
        self.has_more = len(rows) > self.per_page and number < self.num_pages
        return Page(rows[: self.per_page], number, self)
