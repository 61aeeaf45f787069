"""How long headers ask to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.rate_limits import LONGEST, read_exhaustion, read_retry_after

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("Wed, 04 Mar 2026 09:30:20 GMT", 20),
        ("Wednesday, 04-Mar-26 09:30:20 GMT", 20),
        ("Wed, 04 Mar 2026 09:30:20 -0000", 20),
        ("Wed, 04 Mar 2026 10:30:20 +0100", 20),
        ("Wed, 04 Mar 2026 09:29:00 GMT", 0),
        ("9999999999", 24 * 3600),
        ("Wed, 04 Mar 2099 09:30:20 GMT", 24 * 3600),
    ],
)
def test_retry_after_is_read(text: str, seconds: float) -> None:
    """In seconds and as any date of the standard, never below none or above a day."""
    assert read_retry_after({"retry-after": text}, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5", "٣", "1e9", "inf", "nan", "0x10", "7, 8"])
def test_anything_else_says_nothing(text: str) -> None:
    """A header that is not of the standard is as good as none."""
    assert read_retry_after({"retry-after": text}, NOW) is None


def test_missing_retry_after_says_nothing() -> None:
    """Most answers have none."""
    assert read_retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (
            {
                "x-hubspot-ratelimit-remaining": "0",
                "x-hubspot-ratelimit-interval-milliseconds": "10000",
            },
            10,
        ),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "41"}, 41),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 5)}, 5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) - 5)}, 0),
    ],
)
def test_used_up_limit_is_read(headers: dict[str, str], seconds: float) -> None:
    """HubSpot's, Zendesk's and everybody's headers, with a time left or a time of day."""
    assert read_exhaustion(headers, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {
            "x-hubspot-ratelimit-remaining": "1",
            "x-hubspot-ratelimit-interval-milliseconds": "10000",
        },
        {"x-hubspot-ratelimit-remaining": "0"},
        {"ratelimit-remaining": "699", "ratelimit-reset": "41"},
        {"ratelimit-remaining": "0"},
        {"ratelimit-reset": "41"},
        {"ratelimit-remaining": "none", "ratelimit-reset": "41"},
        {"ratelimit-remaining": "0", "ratelimit-reset": "soon"},
    ],
)
def test_limit_with_something_left_asks_for_nothing(headers: dict[str, str]) -> None:
    """Nor does one that does not say how long."""
    assert read_exhaustion(headers, NOW) is None


DATES = st.from_regex(
    r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,9} \d{1,9}:\d\d:\d\d ([+-]\d{1,30}|GMT)",
    fullmatch=True,
)


@given(st.text() | DATES | st.integers().map(str))
def test_whatever_a_header_says_is_a_short_time_or_nothing(text: str) -> None:
    """Nothing that a vendor sends raises, or stops work for longer than a day."""
    for wait in (
        read_retry_after({"retry-after": text}, NOW),
        read_exhaustion({"ratelimit-remaining": "0", "ratelimit-reset": text}, NOW),
    ):
        assert wait is None or timedelta() <= wait <= LONGEST
