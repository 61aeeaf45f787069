"""Stretches of time and numbers of things, as people say them."""

from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400


def write_length(length: timedelta) -> str:
    """Return how long something took or will take, in the largest unit of which there are two.

    Below two minutes that is seconds: of a short time people want to know it exactly.
    """
    seconds = max(0, round(length.total_seconds()))
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= 2 * unit:
            return count(round(seconds / unit), name)
    return count(seconds, "second")


def write_moment(moment: datetime, now: datetime) -> str:
    """Return when something is due that may be so already: "in 3 minutes", "now"."""
    return f"in {write_length(moment - now)}" if moment - now >= timedelta(seconds=1) else "now"


def count(number: int, noun: str) -> str:
    """Return "1 time", "2 times"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
