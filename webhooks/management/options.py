"""What commands that put something right have in common: when, why, and how they end."""

import argparse
import sys
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

WRONG_USAGE = 2
INTERRUPTED = 130
"""Exit statuses beside 0, for all done, and 1, for something that was not."""

LONGEST_REASON = 500


def read_moment(text: str) -> datetime:
    """Read a date or time in ISO 8601, in the project's time zone where it names no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date or time such as 2026-05-04 or 2026-05-04T15:30+02:00"
        ) from error
    return moment if moment.tzinfo else timezone.make_aware(moment)


def read_reason(options: dict[str, Any]) -> str:
    """Return the reason; without one, or somebody to ask, nothing but a dry run is done."""
    reason: str = options["reason"].strip()
    if options["dry_run"]:
        return reason
    if not reason or len(reason) > LONGEST_REASON:
        raise CommandError(
            f"Say with --reason why, in at most {LONGEST_REASON} characters.",
            returncode=WRONG_USAGE,
        )
    if not options["yes"] and not sys.stdin.isatty():
        raise CommandError(
            "There is no terminal to ask at: say --yes, or look first with --dry-run.",
            returncode=WRONG_USAGE,
        )
    return reason
