"""What lists can be narrowed by. A value that cannot be meant is a 400 that names its field."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters.rest_framework import (
    CharFilter,
    ChoiceFilter,
    FilterSet,
    IsoDateTimeFilter,
)
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings

from webhooks.api.pages import NewestFirst
from webhooks.models import Source
from webhooks.models.time_bounds import narrow
from webhooks.operations.selection import wait_for_people

ON_EVERY_LIST = frozenset({NewestFirst.cursor_query_param, NewestFirst.page_size_query_param})

TIME_FORMAT = "A time in ISO 8601, in UTC unless it says otherwise; a `+` is sent as `%2B`."


class TextFilter(CharFilter):  # type: ignore[misc] # django-filter ships no types
    """Takes a text just as it stands."""

    schema: Mapping[str, Any] = {"type": "string", "minLength": 1, "pattern": r"^[^\x00]+$"}

    def __init__(self, *, help_text: str = "", **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)
        extend_schema_field({**self.schema, "description": help_text})(self)


class KeyFilter(TextFilter):
    """Takes the key of a row, as answers have it."""

    schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    field_class = forms.RegexField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(regex=r"^[1-9][0-9]{0,17}$", **kwargs)


class YesNoFilter(ChoiceFilter):  # type: ignore[misc] # django-filter ships no types
    """Takes `true` or `false`, and refuses anything else, which django-filter's own passes over."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")], **kwargs)


class SinceFilter(IsoDateTimeFilter):  # type: ignore[misc] # django-filter ships no types
    """From a time on.

    `is_written`: it is when a row was written, so that its key says as much.
    """

    def __init__(self, field_name: str, *, is_written: bool = True) -> None:
        help_text = f"From then on. {TIME_FORMAT}"
        super().__init__(field_name=field_name, lookup_expr="gte", help_text=help_text)
        self.is_written = is_written

    def filter(self, rows: QuerySet[Any], since: datetime | None) -> QuerySet[Any]:
        """Keep the rows of that time and later."""
        found: QuerySet[Any] = super().filter(rows, since)
        return narrow(found, self.field_name, since, None) if self.is_written else found


class UntilFilter(IsoDateTimeFilter):  # type: ignore[misc] # django-filter ships no types
    """Until just before a time.

    `written` is when a row was written, where that is not `field_name` itself; never after it.
    """

    def __init__(self, field_name: str, *, written: str = "") -> None:
        help_text = f"Until just before. {TIME_FORMAT}"
        super().__init__(field_name=field_name, lookup_expr="lt", help_text=help_text)
        self.written = written or field_name

    def filter(self, rows: QuerySet[Any], until: datetime | None) -> QuerySet[Any]:
        """Keep the rows of before that time."""
        return narrow(super().filter(rows, until), self.written, None, until)


class SourceFilter(TextFilter):
    """The slug of a source."""

    def __init__(self) -> None:
        super().__init__(help_text="The source's slug.")

    def filter(self, rows: QuerySet[Any], slug: str) -> QuerySet[Any]:
        """Keep the rows of the source `slug`."""
        if not slug:
            return rows
        # Asked for first, since Postgres has to know which source it is to see whether reading
        # back from the latest row, or the index on source and id, finds a page's rows sooner.
        source = Source.objects.filter(slug=slug).only("pk").first()
        return rows.filter(source=source) if source else rows.none()


class NeedsPeopleFilter(YesNoFilter):
    """Rows that failed or are dead, or those that are neither; `field_name` has their state."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(help_text="`true`: those that failed or are dead.", **kwargs)

    def filter(self, rows: QuerySet[Any], needs: str) -> QuerySet[Any]:
        """Keep the rows that wait for people, or those that do not."""
        if not needs:
            return rows
        return rows.filter(wait_for_people(self.field_name, needs=needs == "true"))


class NoFilters(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Of lists that nothing narrows."""


def check_parameters(request: Request, known: Iterable[str], *, is_list: bool = False) -> None:
    """Raise ValidationError for a parameter that is not known, is empty or is given twice.

    A mistyped filter, or one whose value a program has lost, would otherwise answer with
    everything.
    """
    names = set(known) | (ON_EVERY_LIST if is_list else set())
    problems = {}
    for name, values in request.query_params.lists():
        if name not in names | {api_settings.URL_FORMAT_OVERRIDE}:
            there_are = f"; there are: {', '.join(sorted(names))}" if names else ""
            problems[name] = [f"Unknown{there_are}."]
        elif len(values) > 1:
            problems[name] = ["Give one value."]
        elif not values[0]:
            problems[name] = ["Give a value, or leave it out."]
    if problems:
        raise ValidationError(problems)


def read_yes_or_no(request: Request, name: str) -> bool:
    """Return what a parameter says, False where it is not there. Raises ValidationError."""
    given = request.query_params.get(name, "false")
    if given not in {"true", "false"}:
        raise ValidationError({name: ["Say true or false."]})
    return given == "true"
