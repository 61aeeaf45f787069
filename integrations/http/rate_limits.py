"""How long a vendor's headers ask everybody to wait.

Sources: RFC 9110, section 10.2.3 (`Retry-After`); HubSpot, "API usage guidelines and limits"
(https://developers.hubspot.com/docs/api/usage-details); Zendesk, "Best practices for avoiding rate
limiting" (https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/best-practices-for-avoiding-rate-limiting);
the IETF draft "RateLimit header fields for HTTP".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(hours=24)
"""What a vendor may ask for; more is taken as this much."""

NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")
EXHAUSTIBLE = (
    # What is left; when there is more again, in seconds.
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)
EPOCH = 1_000_000_000
"""Some vendors' `x-ratelimit-reset` is a Unix time instead: no wait is 30 years long."""


def read_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return what `Retry-After` says, in seconds or as a date; None where it says nothing."""
    text = headers.get("retry-after", "").strip()
    seconds = read_number(text)
    if seconds is not None:
        return clamp(seconds)
    try:
        date = parsedate_to_datetime(text)
        # Python gives no zone to one of "-0000"; the standard knows GMT alone.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return clamp((date - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def read_exhaustion(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long there are no requests left, or None where there are some."""
    if read_number(headers.get("x-hubspot-ratelimit-remaining", "")) == 0:
        interval = read_number(headers.get("x-hubspot-ratelimit-interval-milliseconds", ""))
        if interval is not None:
            return clamp(interval / 1000)
    for remaining, reset in EXHAUSTIBLE:
        seconds = read_number(headers.get(reset, ""))
        if read_number(headers.get(remaining, "")) == 0 and seconds is not None:
            return clamp(seconds - now.timestamp() if seconds >= EPOCH else seconds)
    return None


def read_number(text: str) -> float | None:
    """Return the number that `text` is, or None."""
    return float(text) if NUMBER.fullmatch(text.strip()) else None


def clamp(seconds: float) -> timedelta:
    """Return `seconds` as a time between none and `LONGEST`."""
    return timedelta(seconds=min(max(seconds, 0), LONGEST.total_seconds()))
