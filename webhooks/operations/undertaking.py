"""What a run is about: which rows are meant, what becomes of them, and what is said beforehand.

One class for each thing that people have done. Whoever runs it, shows it or counts it knows no more
of it than what stands here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from webhooks.models import Replay
from webhooks.processing.hints import Work

NOTHING: Mapping[Work, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a batch, as the record counts it.

    `due` is how many rows of each kind of work workers are to be told of, once it is committed.
    """

    events: int = 0
    effects_to_run: int = 0
    effects_kept: int = 0
    effects_closed: int = 0
    due: Mapping[Work, int] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of rows: how many it is done to, all counts in words, and what to know.

    The lines come in one order, those that count nothing among them.
    """

    rows: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __add__(self, other: "Foreseen") -> "Foreseen":
        words = [*self.lines, *(word for word in other.lines if word not in self.lines)]
        return Foreseen(
            self.rows + other.rows,
            {word: self.lines.get(word, 0) + other.lines.get(word, 0) for word in words},
            tuple(dict.fromkeys([*self.notes, *other.notes])),
        )


class Undertaking(ABC):
    """One action with one selection, as it is seen through from batch to batch.

    It may remember what earlier batches of the same run came to; that is lost with the process,
    and only counts may depend on it.
    """

    size: ClassVar[int]
    """Rows in a batch, which are locked together: whoever wants one waits no longer than that."""
    weight: ClassVar[str] = ""
    """The column with the bytes that dealing with a row takes."""
    nothing: ClassVar[str]
    """What is said where there is nothing to do, to follow "Nothing to do:"."""

    @abstractmethod
    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Any]:
        """Return the rows that are meant, among them those that are left alone.

        Of them those with keys after `after` and up to `upto`, where these are given; then nothing
        else is looked through either.
        """

    @abstractmethod
    def describe_concerned(self) -> Q:
        """Return what holds for those to which something is done."""

    @abstractmethod
    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return what would become of the rows, and write or lock nothing."""

    @abstractmethod
    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Do it to the rows, as they are now; called in a transaction that counts it, too."""
