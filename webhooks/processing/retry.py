"""When to try again."""

import random
from datetime import timedelta

BASE = timedelta(seconds=2)
LONGEST_BACKOFF = timedelta(hours=1)
LONGEST_RETRY_AFTER = timedelta(hours=24)


def compute_delay(
    attempts: int, retry_after: timedelta | None = None, *, chance: random.Random | None = None
) -> timedelta:
    """Return how long to wait after the `attempts`-th failed attempt.

    Exponential back-off with full jitter: anything between nothing and a bound that doubles
    with each attempt, since clients that failed together must not come back together
    (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015). A vendor's
    `retry_after` is a lower limit, honoured up to a day.
    """
    # 2^12 times the base is beyond the longest back-off already.
    bound: timedelta = min(LONGEST_BACKOFF, BASE * 2 ** min(attempts - 1, 12))
    jitter: timedelta = (chance or random).uniform(0, 1) * bound
    if retry_after is None:
        return jitter
    # The jitter on top keeps all that were told the same from coming back at the same moment.
    return min(max(retry_after, timedelta(0)), LONGEST_RETRY_AFTER) + min(jitter, BASE * 8)
