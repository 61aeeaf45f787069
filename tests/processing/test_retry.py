"""How long an effect waits for its next attempt."""

import random
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from webhooks.processing.retry import BASE, LONGEST_BACKOFF, LONGEST_RETRY_AFTER, compute_delay

CHANCES = st.integers().map(random.Random)
ATTEMPTS = st.integers(min_value=1, max_value=40_000)
ASKED = st.timedeltas(min_value=timedelta(days=-1000), max_value=timedelta(days=100_000))


class Highest(random.Random):
    """The chance that makes everybody wait longest."""

    def uniform(self, _: float, high: float) -> float:
        """Return the upper end."""
        return high


@given(attempts=ATTEMPTS, chance=CHANCES)
def test_backoff_is_between_nothing_and_an_hour(attempts: int, chance: random.Random) -> None:
    """No number of attempts leads to a negative delay or one beyond the longest."""
    delay = compute_delay(attempts, chance=chance)
    assert timedelta(0) <= delay <= LONGEST_BACKOFF
    assert delay <= BASE * 2 ** min(attempts - 1, 30)


def test_bound_doubles_until_it_is_an_hour() -> None:
    """The longest wait doubles with each attempt and then stays."""
    bounds = [compute_delay(attempts, chance=Highest()) for attempts in range(1, 20)]
    assert bounds[0] == BASE
    assert all(later == min(earlier * 2, LONGEST_BACKOFF) for earlier, later in pairwise(bounds))
    assert bounds[-1] == LONGEST_BACKOFF


def test_jitter_is_full() -> None:
    """Those that failed together come back all over the range, not at its end."""
    chance = random.Random(1)  # noqa: S311 -- only to be repeatable
    delays = [compute_delay(8, chance=chance) / (BASE * 2**7) for _ in range(1000)]
    tenths = {int(delay * 10) for delay in delays}
    assert tenths >= set(range(10))
    assert 0.45 < sum(delays) / len(delays) < 0.55


@given(attempts=ATTEMPTS, asked=ASKED, chance=CHANCES)
def test_retry_after_is_honoured_up_to_a_day(
    attempts: int, asked: timedelta, chance: random.Random
) -> None:
    """A vendor is left alone for as long as it asks, a day at most, and hardly longer."""
    delay = compute_delay(attempts, asked, chance=chance)
    honoured = min(max(asked, timedelta(0)), LONGEST_RETRY_AFTER)
    assert honoured <= delay <= honoured + timedelta(seconds=30)


def test_same_retry_after_does_not_bring_all_back_at_once() -> None:
    """Those that were told the same time are spread over some seconds behind it."""
    chance = random.Random(1)  # noqa: S311 -- only to be repeatable
    delays = {compute_delay(5, timedelta(minutes=1), chance=chance) for _ in range(100)}
    assert max(delays) - min(delays) > timedelta(seconds=5)
