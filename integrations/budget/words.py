"""What stands in the sentences that a budget is told in."""

from datetime import UTC, datetime


def write_utc(moment: datetime) -> str:
    """Return a time to the second that says its zone: who reads it may be anywhere."""
    return f"{moment.astimezone(UTC):%d %b %H:%M:%S} UTC"


def end_sentence(text: str) -> str:
    """Return a sentence that somebody typed or a vendor's module wrote, with its full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
