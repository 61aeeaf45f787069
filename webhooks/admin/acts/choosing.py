"""Which rows an action is for: those that were marked, or all that match the list's filters.

All that match are handed over as a selection that says what the filters say, so that no request
ever has to gather their keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

from webhooks.admin.base import ModelAdmin
from webhooks.admin.find.filters import TimeRangeFilter
from webhooks.admin.find.paginator import POSITION, parse_key
from webhooks.operations.selection import KIND

ACROSS = "select_across"
"""Django's field that says: all rows that match the list's filters, and not only those marked."""

ROWS = "rows"
"""The parameter with the keys of the rows that were marked."""

PLAIN = POSITION | {ACROSS, ROWS, "o", "all", "_changelist_filters"}
"""The list's parameters that do not narrow what it shows."""

WORDS = {
    "event_ids": "event ids",
    "event_id": "event id",
    "event_type": "event type",
    "status": "status",
    "state": "state",
    "conversation": "conversation",
    "organization": "organization",
    "source": "source",
    "integration": "integration",
    "delivery_outcome": "with a delivery that was",
    "received_from": "received from",
    "received_to": "received before",
    "planned_from": "planned from",
    "planned_to": "planned before",
    "ended_from": "ended from",
    "ended_to": "ended before",
    "needs_people": "needs people",
    "failed": "failed, or with an effect that did",
    "replay": "last asked for by run",
}
"""What the fields of a selection are called."""

Given = Mapping[str, object]
Reader = Callable[[str], Given]
"""What a filter's value comes to, as fields of a selection."""


class UnsayableError(ValueError):
    """The list is narrowed by something that a selection cannot say."""


def refuse_action(model_admin: ModelAdmin, request: HttpRequest) -> None:
    """Raise PermissionDenied where an action of a list is sent by somebody who may not do it.

    Django would only say that none was chosen, or show the list.
    """
    action = request.POST.get("action", "")
    if action in (model_admin.actions or ()) and action not in model_admin.get_actions(request):
        raise PermissionDenied


def read_marked(request: HttpRequest) -> tuple[int, ...]:
    """Return the keys of the rows that were marked. Raises UnsayableError where there are none."""
    keys = {parse_key(key) for key in request.GET.get(ROWS, "").split(",")}
    marked = tuple(sorted(key for key in keys if key is not None))
    if not marked:
        raise UnsayableError("Nothing is marked.")
    return marked


def read_filters(params: QueryDict, readers: Mapping[str, Reader]) -> dict[str, object]:
    """Return what the list's filters say, as fields of a selection.

    `readers` are what it can say, by parameter. Raises UnsayableError for any other.
    """
    given: dict[str, object] = {}
    for name, value in params.items():
        if name in PLAIN or not value:
            continue
        if name not in readers:
            by = "a search" if name == "q" else f"“{name.partition('__')[0].replace('_', ' ')}”"
            raise UnsayableError(
                f"The list is narrowed by {by}, and all that match cannot be taken by that."
                " Mark the rows themselves, or take that away and filter in another way."
            )
        try:
            given |= readers[name](str(value))
        except (ValueError, ValidationError) as error:
            raise UnsayableError(f"{value} is nothing that one can filter by.") from error
    return given


def read_times(
    request: HttpRequest, model_admin: ModelAdmin, column: str, field: str
) -> tuple[dict[str, object], frozenset[str]]:
    """Return what the list's filter by a time says, and the parameters in which it says so.

    `column` is the one that it filters by; `field` the beginning of the selection's fields for it.
    Raises UnsayableError for what is no time.
    """
    names = [f"{column}_{bound}_{part}" for bound in ("from", "to") for part in (0, 1)]
    sent: dict[str, Any] = {
        name: request.GET.getlist(name) for name in names if request.GET.get(name)
    }
    spec = TimeRangeFilter(
        model_admin.opts.get_field(column), request, sent, model_admin.model, model_admin, column
    )
    try:
        since, until = spec.read_bound("from", time.min), spec.read_bound("to", time.max)
    except (ValidationError, OverflowError) as error:
        raise UnsayableError("One of the times in the filter is none.") from error
    given: dict[str, object] = {}
    if since:
        given[f"{field}_from"] = since
    if until:
        # The list shows what came at that very moment; a selection ends before what it names.
        given[f"{field}_to"] = until + timedelta(microseconds=1)
    return given, frozenset(names)


def describe_choice(described: Mapping[str, Any]) -> list[str]:
    """Return in words what a stored selection chooses, each of what it says by itself."""
    return list(write_choice(described)) or ["all there are"]


def write_choice(described: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a stored selection says."""
    of_events = described.get(KIND) == "events"
    for name, value in described.items():
        if name == KIND:
            continue
        if name == ("keys" if of_events else "effects"):
            yield f"{count(value)} marked"
        elif name == "keys":
            yield f"idempotency keys: {count(value)}"
        else:
            yield f"{WORDS.get(name, name.replace('_', ' '))}: {write_value(name, value)}"


def count(value: object) -> object:
    """Return how many there are; records of long ago hold the number itself."""
    return len(value) if isinstance(value, Sequence) else value


def write_value(name: str, value: object) -> str:
    """Return what is given for one field of a selection, as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) if len(value) <= 3 else str(len(value))  # noqa: PLR2004 -- a line's worth
    if name.endswith(("_from", "_to")):
        moment = parse_datetime(str(value))
        if moment is not None:
            return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
    return str(value)
