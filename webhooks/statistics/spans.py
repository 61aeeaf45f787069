"""The five minutes by which everything is counted, begun at the same moments for all who count."""

from datetime import timedelta

SPAN = timedelta(minutes=5)

ORIGIN = "timestamptz '2000-01-01 00:00+00'"
"""A moment at which five minutes begin, and an hour, and a day of UTC."""


def begin_span(moment: str) -> str:
    """Return SQL for when the five minutes began in which `moment`, itself SQL, lies."""
    return f"date_bin(interval '5 minutes', {moment}, {ORIGIN})"
