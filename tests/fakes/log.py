"""What a fake remembers of its requests."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request, by when it arrived on the monotonic clock; status 0 for no answer at all."""

    at: float
    method: str
    path: str
    status: int


def count_most(times: Iterable[float], window: timedelta) -> int:
    """Return the most of `times`, in seconds, that lie in any stretch as long as `window`."""
    ordered = sorted(times)
    most = first = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window.total_seconds():
            first += 1
        most = max(most, last - first + 1)
    return most
