"""How many requests in how much time."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

SHAPE = re.compile(r"([1-9]\d{0,6})/([1-9]\d{0,4})?(s|m|h)")
UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}

HEADROOM = 0.9
"""The part of a limit that is used: what left on time can arrive late, beside what follows it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in any stretch of time as long as `window`."""

    requests: int
    window: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rate that `text` means: `190/10s`, `5/s`, `700/m`. Raises `ValueError`."""
        match = SHAPE.fullmatch(text)
        if match is None:
            raise ValueError("RATE is not of the form 100/10s, 5/s, 700/m or 1500/h")
        requests, count, unit = match.groups()
        return cls(int(requests), int(count or 1) * UNITS[unit])

    @property
    def spacing(self) -> timedelta:
        """The time from one request to the next that keeps to the limit, with some room left."""
        return self.window / (self.requests * HEADROOM)
