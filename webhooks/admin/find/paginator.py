"""Page through tables that are too large to count, by the keys of rows.

A page goes on where another ended, so that the last one costs as much as the first where an index
has the list's rows together, and rows that come in meanwhile neither shift the pages nor show up
twice. Filters that no index serves together are tried for a moment, and then refused in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from webhooks.admin.find.counts import COUNTED, count_capped, count_each, say_count
from webhooks.admin.find.time_limits import TooSlowError, limit_time

if TYPE_CHECKING:  # unfold's class is Django's by another name, and ships no types
    from django.contrib.admin.views.main import ChangeList as UnfoldChangeList
else:
    from unfold.views import ChangeList as UnfoldChangeList

OLDER, NEWER = "before", "after"
"""The parameters that say where a page begins: behind or before the row of that key."""

POSITION = frozenset({OLDER, NEWER, PAGE_VAR, "e"})
"""The parameters of a list that do not say which rows are meant."""

PATIENCE = timedelta(seconds=2)
"""How long a page's rows are looked for."""

TOO_SLOW = (
    "These filters together take too long to look for, so no rows are shown. Choose a span of time"
    " as well, or take one of the filters away."
)

LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a page is among the others; each address is empty where there is nothing.

    `number` says how many rows the list has, as people read it.
    """

    newest: str
    newer: str
    older: str
    number: str
    # unfold includes what a list's paginator names, in its bar at the bottom.
    template_name: ClassVar[str] = "admin/pagination_by_key.html"


@dataclass(frozen=True, slots=True)
class Slice:
    """A page's rows, and whether there are others on either side."""

    rows: Sequence[Any]
    has_newer: bool
    has_older: bool


class KeysetChangeList(UnfoldChangeList):
    """A list that is paged by the keys of its rows and never counted beyond `COUNTED`."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the parameters that narrow the list."""
        given = super().get_filters_params(params)
        return {name: value for name, value in given.items() if name not in POSITION}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Return the list's parameters with others: whatever changes, the first page follows."""
        return super().get_query_string({OLDER: None, NEWER: None} | (new_params or {}), remove)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page of the list, and one row more to know whether another follows."""
        number: int | None
        try:
            with limit_time(PATIENCE):
                page = self.read_page(request)
            whole = not page.has_newer and not page.has_older
            number = len(page.rows) if whole else count_capped(self.queryset)
        except TooSlowError:
            messages.warning(request, TOO_SLOW)
            page, number = Slice([], has_newer=False, has_older=False), None
        rows = self.result_list = page.rows
        self.result_count = COUNTED + 1 if number is None else number
        # As Django's own, which would lead to pages by their numbers.
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = Pages(
            newest=self.get_query_string() if page.has_newer else "",
            newer=self.get_query_string({NEWER: rows[0].pk}) if page.has_newer and rows else "",
            older=self.get_query_string({OLDER: rows[-1].pk}) if page.has_older else "",
            number=say_count(number),
        )

    @cached_property
    def choice_counts(self) -> dict[tuple[str, str], str]:
        """How many rows of the whole table a choice of a filter has, by parameter and value.

        A built-in view has no parameter, and its name.
        """
        rows = self.model._default_manager.all()  # noqa: SLF001 -- documented API
        counted = dict(getattr(self.model_admin, "counted", {}))
        views = getattr(self.model_admin, "built_in_views", ())
        counted |= {("", view.name): view.rows() for view in views}
        numbers = count_each({choice: rows.filter(which) for choice, which in counted.items()})
        return {choice: say_count(number) for choice, number in numbers.items()}

    def read_page(self, request: HttpRequest) -> Slice:
        """Return the page that the address asks for; the first where it asks for none."""
        size: int = self.list_per_page
        if (key := read_key(request, NEWER)) is not None:
            rows = list(self.seek(self.queryset.reverse(), key)[: size + 1])
            # With less than a page of newer rows one is at the top, where a page is a whole one.
            if len(rows) > size:
                return Slice(rows[size - 1 :: -1], has_newer=True, has_older=True)
        elif (key := read_key(request, OLDER)) is not None:
            rows = list(self.seek(self.queryset, key)[: size + 1])
            return Slice(rows[:size], has_newer=True, has_older=len(rows) > size)
        rows = list(self.queryset[: size + 1])
        return Slice(rows[:size], has_newer=False, has_older=len(rows) > size)

    def seek(self, queryset: QuerySet[Any], key: int) -> QuerySet[Any]:
        """Return the rows of `queryset` that come behind the row of that key, in its order."""
        columns = [read_order(item) for item in queryset.query.order_by]
        names = [name for name, _ in columns]
        reverses = not queryset.query.standard_ordering
        if names[:1] in (["id"], ["pk"]):
            values: Sequence[Any] | None = [key]
        else:
            # A row that is gone, since it became too old, leads to the first page.
            values = self.model._default_manager.filter(pk=key).values_list(*names).first()  # noqa: SLF001 -- documented API
        if values is None:
            return queryset
        behind, equal = Q(), Q()
        for (name, descends), value in zip(columns, values, strict=False):
            comparison = "lt" if descends != reverses else "gt"
            behind |= equal & Q(**{f"{name}__{comparison}": value})
            equal &= Q(**{name: value})
        (first, descends), value = columns[0], values[0]
        # Says nothing new, but only so is it a range of an index.
        bound = Q(**{f"{first}__{'lte' if descends != reverses else 'gte'}": value})
        return queryset.filter(bound & behind)


def read_order(item: Any) -> tuple[str, bool]:
    """Return the column of an item of a list's order, and whether it descends."""
    return str(item).removeprefix("-"), str(item).startswith("-")


def read_key(request: HttpRequest, name: str) -> int | None:
    """Return the key that a parameter names; nothing where it is none, or can be no row's."""
    return parse_key(request.GET.get(name, ""))


def parse_key(text: str) -> int | None:
    """Return the key that `text` is; nothing where it is none, or too long to be a row's.

    Python reads no number of thousands of digits, and Postgres none above `LARGEST_KEY`.
    """
    is_key = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_KEY))
    return min(int(text), LARGEST_KEY) if is_key else None
