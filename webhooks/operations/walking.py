"""Walk through many rows in the order of their keys, with no statement that takes long.

By key and not by offset, so that each step costs the same however far it is, and so that rows may
stop to match while they are dealt with. And by ranges of keys: the few rows that match a condition
which no index serves may be millions of keys apart, and whoever asked for the next one at once
would have the whole table read in one statement. A range grows as long as it is answered quickly.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

FIRST_RANGE = 100_000
"""Keys that are looked through at first: read from the table one by one, that takes a moment."""
QUICK = 0.2
"""Seconds; what took less may be followed by more."""
GROWTH = 4

MOST_BYTES = 16 * 1024 * 1024
"""Bodies in a step, together, give or take the last: they are in memory at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """The keys of the next rows, and how far one has come with them: the last key looked at."""

    keys: tuple[int, ...]
    position: int


def find_last_key(model: type[Model]) -> int:
    """Return the highest key of the model's rows: what comes later is not meant."""
    newest = model._default_manager.order_by("-pk").values_list("pk", flat=True)  # noqa: SLF001 -- documented API
    return int(newest.first() or 0)


class Walk:
    """Leads through the rows after one key and up to another; each step may be asked for anew.

    `weight` is a column with bytes, of which a step has `MOST_BYTES`.
    """

    def __init__(self, rows: QuerySet[Any], after: int, upto: int, weight: str = "") -> None:
        self.position = after
        self._rows = rows.order_by("pk")
        self._upto = upto
        self._weight = weight
        self._range = FIRST_RANGE

    @property
    def is_over(self) -> bool:
        """Whether there are no more keys."""
        return self.position >= self._upto

    def take(self, most: int) -> Step:
        """Return the next rows, at most so many: none where a range has none."""
        began, end = time.monotonic(), min(self.position + self._range, self._upto)
        columns = ["pk", self._weight] if self._weight else ["pk"]
        within = self._rows.filter(pk__gt=self.position, pk__lte=end)
        found = list(within.values_list(*columns)[:most])
        self._adapt(time.monotonic() - began)
        keys = tuple(key for key, *_ in found)
        if self._weight:
            keys = keys[: count_light(size for _, size in found)]
        is_whole = len(keys) == len(found) < most
        self.position = end if is_whole else keys[-1]
        return Step(keys, self.position)

    def count(self, ends_at: float) -> int | None:
        """Return how many rows are left, or None where that is not known by then.

        `ends_at` is a `time.monotonic()`.
        """
        total = 0
        while not self.is_over:
            began, end = time.monotonic(), min(self.position + self._range, self._upto)
            if began >= ends_at:
                return None
            total += self._rows.filter(pk__gt=self.position, pk__lte=end).order_by().count()
            self._adapt(time.monotonic() - began)
            self.position = end
        return total

    def _adapt(self, seconds: float) -> None:
        if seconds < QUICK:
            self._range *= GROWTH
        elif seconds > GROWTH * QUICK:
            self._range = max(FIRST_RANGE, self._range // GROWTH)


def count_light(sizes: Iterator[int]) -> int:
    """Return how many may go together; one may in any case."""
    number = total = 0
    for number, size in enumerate(sizes, start=1):
        total += size
        if total >= MOST_BYTES:
            return number
    return number
