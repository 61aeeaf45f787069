"""When a delivery was signed, how that is written, and how far from now it may be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest.verdicts import NOW, SECRET, UNIX_NOW, check, verdict
from tests.signing import sign_as_sender
from webhooks.ingest.signatures import VerificationError, read_timestamp


@pytest.mark.parametrize("seconds", [-300, 300])
def test_replay_window_holds_to_its_last_second(seconds: int) -> None:
    """300 seconds either way are within the window."""
    headers = sign_as_sender(b"{}", SECRET, UNIX_NOW)
    assert verdict(headers, b"{}", SECRET, now=NOW + timedelta(seconds=seconds)) == "verified"


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 10**9])
def test_replay_window_ends_either_way(seconds: int) -> None:
    """A genuine delivery from too long ago, or from the future, is stale."""
    headers = sign_as_sender(b"{}", SECRET, UNIX_NOW)
    late = NOW + timedelta(seconds=seconds)
    assert verdict(headers, b"{}", SECRET, now=late) == "stale_timestamp"


def test_stale_forgery_is_a_forgery() -> None:
    """Stale is said of genuine deliveries alone: a forger learns nothing about our clock."""
    headers = sign_as_sender(b"{}", "not the secret", "1")
    assert verdict(headers, b"{}", SECRET) == "signature_mismatch"


@pytest.mark.parametrize(
    "timestamp",
    [
        "1767225600",
        "1767225600000",
        "1767225600.000",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000000+00:00",
        "2026-01-01T05:30:00+05:30",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00+00:00",
        "20260101T000000Z",
    ],
)
def test_timestamp_formats(timestamp: str) -> None:
    """Unix seconds, Unix milliseconds and ISO 8601 are read, and signed as they were written."""
    assert read_timestamp(timestamp) == NOW
    headers = sign_as_sender(b"{}", SECRET, timestamp)
    assert check(headers, b"{}", SECRET).signed_at == NOW


@pytest.mark.parametrize(
    "timestamp",
    [
        "soon",
        "-1767225600",
        "+1767225600",
        "1e9",
        "NaN",
        "inf",
        "0x1",
        "1_767_225_600",
        "\u0661\u0667\u0666\u0667\u0662\u0662\u0665\u0666\u0660\u0660",
        "9" * 15,
        "9" * 5000,
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2016-12-31T23:59:60Z",
        "2026-01-01T00:00:00+99:99",
        "Thu, 01 Jan 2026 00:00:00 GMT",
        "\0",
    ],
)
def test_what_is_no_timestamp_is_malformed(timestamp: str) -> None:
    """A timestamp that is none of the formats is refused, however well it is signed."""
    headers = sign_as_sender(b"{}", SECRET, timestamp.encode().decode("latin-1"))
    assert verdict(headers, b"{}", SECRET) == "malformed_timestamp"


@pytest.mark.parametrize("timestamp", ["", " "])
def test_no_timestamp_is_missing(timestamp: str) -> None:
    """Where the timestamp is signed, a delivery without one is refused."""
    assert verdict(sign_as_sender(b"{}", SECRET, timestamp), b"{}", SECRET) == "missing_timestamp"


@given(st.text(max_size=40))
def test_any_timestamp_is_read_or_refused(text: str) -> None:
    """Reading a timestamp raises nothing but its own error, and gives an aware time."""
    try:
        moment = read_timestamp(text)
    except VerificationError:
        return
    assert moment.utcoffset() == timedelta(0)


@given(st.datetimes(timezones=st.timezones()))
def test_any_iso_timestamp_is_read_or_refused(moment: datetime) -> None:
    """Every time that has a place in UTC is read, up to the ends of the calendar."""
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        return
    if moment.utcoffset() is not None:
        try:
            assert read_timestamp(moment.isoformat()) == expected
        except VerificationError:
            assert moment.year in {1, 9999}
