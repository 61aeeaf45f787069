"""Walk through many rows in the order of their keys, with no statement that takes long.

By key and not by offset, so that each step costs the same however far it is, and so that rows may
stop to match while they are dealt with. And by ranges of keys: the few rows that match a condition
which no index serves may be millions of keys apart, and whoever asked for the next one at once
would have the whole table read in one statement. A range grows as long as it is answered quickly,
and holds no more than a few steps: what is looked through for each of them is all that is in it.
"""

import time
from collections.abc import Callable, Iterator
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

    `find` returns the rows whose keys come after its first argument, up to its second. `weight` is
    a column with bytes, of which a step has `MOST_BYTES`. The first range, and what
    each step is asked for, are halved `halvings` times.
    """

    def __init__(
        self,
        find: Callable[[int, int], QuerySet[Any]],
        after: int,
        upto: int,
        weight: str = "",
        *,
        halvings: int = 0,
    ) -> None:
        self.position = after
        self._find = find
        self._upto = upto
        self._weight = weight
        self._halvings = halvings
        self._range = self._first_range = max(1, FIRST_RANGE >> halvings)

    @property
    def is_over(self) -> bool:
        """Whether there are no more keys."""
        return self.position >= self._upto

    def take(self, most: int) -> Step:
        """Return the next rows, at most so many: none where a range has none."""
        most = max(1, most >> self._halvings)
        began, after = time.monotonic(), self.position
        end = min(after + self._range, self._upto)
        columns = ["pk", self._weight] if self._weight else ["pk"]
        within = self._find(after, end).order_by("pk").values_list(*columns)
        found = list(within[:most])
        self._adapt(time.monotonic() - began)
        keys = tuple(key for key, *_ in found)
        if self._weight:
            keys = keys[: count_light(size for _, size in found)]
        is_whole = len(keys) == len(found) < most
        self.position = end if is_whole else keys[-1]
        if not is_whole:
            self._range = min(self._range, GROWTH * (self.position - after))
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
            total += self._find(self.position, end).order_by().count()
            self._adapt(time.monotonic() - began)
            self.position = end
        return total

    def _adapt(self, seconds: float) -> None:
        if seconds < QUICK:
            self._range *= GROWTH
        elif seconds > GROWTH * QUICK:
            self._range = max(self._first_range, self._range // GROWTH)


def count_light(sizes: Iterator[int]) -> int:
    """Return how many may go together; one may in any case."""
    number = total = 0
    for number, size in enumerate(sizes, start=1):
        total += size
        if total >= MOST_BYTES:
            return number
    return number
