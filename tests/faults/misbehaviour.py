"""What the downstream does wrong, drawn from a seed."""

import random
from dataclasses import astuple, dataclass
from itertools import accumulate

SHORTEST_HOLD, LONGEST_HOLD = 0.02, 0.05
"""Seconds."""
LONGEST_ANSWER = 3.0
"""Seconds; always less than the product waits for."""
LIMIT_GAP = 20.0
"""Seconds between two 429s of an integration: each holds all of it for as long as it says."""


@dataclass(frozen=True, slots=True)
class Chances:
    """How often a request meets what; the rest is answered well at once.

    So seldom slow that the few workers of a run are not busy with waiting for it most of the time.
    Those that are held are so for a moment: long enough for a second request of the same key to
    meet the first one, which would otherwise be over at once.
    """

    slow: float = 0.004
    limit: float = 0.005
    fail_before: float = 0.005
    fail_after: float = 0.005
    close_after: float = 0.01
    hold: float = 0.04


USUAL = Chances()
CALM = Chances(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Conduct:
    """How one request is met: answered after `seconds` with `status`, 0 for a closed connection.

    `is_applied` says whether it is applied before that.
    """

    seconds: float = 0.0
    status: int = 200
    is_applied: bool = True


WELL = Conduct()
CONDUCTS = {
    "limit": Conduct(status=429, is_applied=False),
    "fail_before": Conduct(status=500, is_applied=False),
    "fail_after": Conduct(status=500),
    "close_after": Conduct(status=0),
    "well": WELL,
}


class Misbehaviour:
    """Draws the conduct of each request."""

    def __init__(self, seed: str, chances: Chances) -> None:
        self._chance = random.Random(seed)  # noqa: S311 -- it is to be repeatable
        self._chances = chances
        self._limited_at: dict[str, float] = {}

    def draw(self, integration: str, now: float) -> Conduct:
        """Return how a request to `integration` is met at `now`, in seconds of any clock."""
        chances = self._chances
        which = self._chance.choices(
            ("slow", "limit", "fail_before", "fail_after", "close_after", "hold", "well"),
            cum_weights=list(accumulate([*astuple(chances), 1 - sum(astuple(chances))])),
        )[0]
        if which == "slow":
            return Conduct(seconds=self._chance.uniform(0.2, LONGEST_ANSWER))
        if which == "hold":
            return Conduct(seconds=self._chance.uniform(SHORTEST_HOLD, LONGEST_HOLD))
        if which == "limit":
            if now - self._limited_at.get(integration, -LIMIT_GAP) < LIMIT_GAP:
                return WELL
            self._limited_at[integration] = now
        return CONDUCTS[which]
