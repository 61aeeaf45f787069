"""What the sender writes down of each try, and how the rest of the harness reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.following import LineReader

TIMED_OUT, NOT_CONNECTED = 0, -1
"""In the place of a status: no answer in time; no connection, or one that broke."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery; all times in Unix seconds.

    `due` is when the delivery was due first, `began` when this try took its connection, `ended`
    when its answer was there or it was given up. `number` counts the delivery's tries from 1.
    """

    event_id: str
    copy: int
    is_poison: bool
    number: int
    due: float
    began: float
    ended: float
    status: int

    @property
    def is_acked(self) -> bool:
        """Whether the receiver took the event over."""
        return 200 <= self.status < 300

    @property
    def latency(self) -> float:
        """Seconds from when the delivery was due: what waited for a connection counts."""
        return self.ended - self.due

    def write(self) -> str:
        """Return its line in the log."""
        times = "\t".join(f"{at:.4f}" for at in (self.due, self.began, self.ended))
        marks = f"{self.copy}\t{int(self.is_poison)}\t{self.number}"
        return f"{self.event_id}\t{marks}\t{times}\t{self.status}\n"


def read_try(line: str) -> Try:
    """Return what `Try.write` wrote."""
    event_id, copy, is_poison, number, due, began, ended, status = line.split("\t")
    return Try(
        event_id,
        int(copy),
        is_poison == "1",
        int(number),
        float(due),
        float(began),
        float(ended),
        int(status),
    )


class TryReader(LineReader):
    """Reads on from where it was, while the sender writes."""

    def read(self) -> Iterator[Try]:
        """Yield the tries that have ended since."""
        for line in self.read_lines():
            yield read_try(line.decode())
