"""What a fake can be told to do wrong.

A fault strikes before the vendor has done anything, or after it has and only the answer suffers:
the second kind is what makes a careless client do things twice. What is applied late, after the
client has turned to something else, makes it undo what it did meanwhile.
"""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

FaultName = Literal[
    "slow",
    "rate_limit",
    "fail",
    "fail_after",
    "drop_before",
    "drop_after",
    "late",
    "huge",
    "not_json",
    "html_error",
    "redirect",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, for the next `times` requests whose method and path fit."""

    name: FaultName
    times: int = 1
    method: str = ""
    """Only this method; empty for any."""
    path: str = ""
    """Only paths that begin so."""
    after: int = 0
    """How many of those requests it lets pass first."""
    seconds: float = 0.5
    """How long `slow` keeps the answer, which was applied, to itself; when `late` applies."""
    retry_after: int | None = None
    """What `rate_limit` says in `Retry-After`; None for no such header."""
    status: int = 500
    """What `fail` (nothing was applied) and `fail_after` (it was) answer."""
    location: str = "/elsewhere"
    """Where `redirect` sends the client."""

    def fits(self, method: str, path: str) -> bool:
        """Return whether it strikes such a request."""
        return self.method in {"", method} and path.startswith(self.path)


CHANCE_SECONDS: Mapping[FaultName, float] = {"slow": 0.5, "late": 3.0}
"""The seconds of what chance brings."""


class Faults:
    """What is still to go wrong: what was ordered first, then what chance brings."""

    def __init__(self) -> None:
        self._ordered: deque[Fault] = deque()
        self._chances: Mapping[FaultName, float] = {}
        self._spared = ""
        self._random = random.Random(0)  # noqa: S311 -- a seed is the point
        self._lock = Lock()

    def order(self, fault: Fault) -> None:
        """Let `fault` strike, after those that were ordered before."""
        with self._lock:
            self._ordered.append(fault)

    def randomize(self, seed: int, chances: Mapping[FaultName, float], *, spared: str = "") -> None:
        """Let each request meet each fault with its chance, by what `seed` determines.

        Paths that begin with `spared`, where it is given, meet only what is ordered.
        """
        with self._lock:
            self._chances = dict(chances)
            self._spared = spared
            self._random = random.Random(seed)  # noqa: S311 -- as above

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._ordered.clear()
            self._chances = {}

    def take(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a request that is here now, and count it."""
        with self._lock:
            for place, fault in enumerate(self._ordered):
                if fault.fits(method, path):
                    if fault.after > 0:
                        self._ordered[place] = replace(fault, after=fault.after - 1)
                        continue
                    del self._ordered[place]
                    if fault.times > 1:
                        self._ordered.insert(place, replace(fault, times=fault.times - 1))
                    return fault
            if self._spared and path.startswith(self._spared):
                return None
            drawn = self._random.random()
            for name, chance in self._chances.items():
                drawn -= chance
                if drawn < 0:
                    return Fault(name=name, seconds=CHANCE_SECONDS.get(name, 0))
            return None
