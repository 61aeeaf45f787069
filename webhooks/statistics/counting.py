"""Count what is still changing, and what was not counted while nobody did.

Any number of processes may count at once: one of them does, and the others leave it to it. What
has been counted for good is never looked at again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error as DatabaseFailure
from django.db import connection, transaction

from webhooks.models import CountedUntil
from webhooks.statistics import attempts, deliveries, rejections
from webhooks.statistics.retention import delete_old_counts
from webhooks.statistics.spans import SPAN, begin_span

logger = structlog.stdlib.get_logger(__name__)

STEP = timedelta(minutes=30)
"""What is counted in one transaction: of a busy day, some ten thousand rows."""

PATIENCE = 1.0
"""Seconds after which the rest of what was missed is left to the next time."""

LONGEST_AGO = timedelta(days=8)
"""How far back counting begins where there was none before: as far as anybody is shown."""

INTERVAL = timedelta(seconds=4)
"""After which counting is worth repeating; where it takes long, `RESTS` times as long as that."""

RESTS = 20

LOCK = f"""
SELECT
    until, due_at <= statement_timestamp(), {begin_span("statement_timestamp()")} + %(span)s,
    {begin_span("statement_timestamp() - %(settled)s")}
FROM webhooks_counteduntil WHERE subject = %(subject)s
FOR UPDATE SKIP LOCKED
"""  # noqa: S608 -- no value is in it

BEGIN = """
INSERT INTO webhooks_counteduntil (subject, until, counted_at, due_at)
SELECT
    %(subject)s, greatest({first}, {longest_ago}), statement_timestamp(), statement_timestamp()
ON CONFLICT (subject) DO NOTHING
"""

KEEP = """
UPDATE webhooks_counteduntil SET
    until = %(until)s, counted_at = statement_timestamp(),
    due_at = CASE WHEN %(is_done)s THEN clock_timestamp() + %(rest)s ELSE due_at END
WHERE subject = %(subject)s
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Something to count: from where on, when nothing of it changes any more, and how."""

    subject: CountedUntil.Subject
    first: str
    settle_after: Callable[[], timedelta]
    count: Callable[[datetime, datetime], None]


KINDS = (
    Kind(
        CountedUntil.Subject.DELIVERIES,
        deliveries.FIRST,
        deliveries.settle_after,
        deliveries.count_deliveries,
    ),
    Kind(
        CountedUntil.Subject.REJECTIONS,
        rejections.FIRST,
        rejections.settle_after,
        rejections.count_rejections,
    ),
    Kind(
        CountedUntil.Subject.ATTEMPTS,
        attempts.FIRST,
        attempts.settle_after,
        attempts.count_attempts,
    ),
)


def count_what_happened() -> None:
    """Count all kinds as far as there is time, and delete what is too old; called by the sweep.

    What Postgres refuses is logged and left to the next time: the sweep has more important errands.
    """
    try:
        for kind in KINDS:
            catch_up(kind)
        delete_old_counts()
    except DatabaseFailure as error:
        logger.warning("nothing_counted", error_class=type(error).__name__)


def catch_up(kind: Kind) -> None:
    """Count step by step up to now, for about `PATIENCE`."""
    began = time.monotonic()
    while not count_step(kind) and time.monotonic() - began < PATIENCE:
        pass


def count_step(kind: Kind) -> bool:
    """Count one step, and tell whether there is nothing more to count just now."""
    began = time.monotonic()
    values: dict[str, Any] = {
        "subject": kind.subject.value,
        "span": SPAN,
        "settled": kind.settle_after(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        row = cursor.fetchone()
        if row is None:
            # Another has it locked, or nobody has counted yet.
            return not begin_counting(kind)
        since, is_due, end, settled = row
        if not is_due:
            return True
        until = min(since + STEP, end)
        kind.count(since, until)
        is_done = bool(until == end)
        rest = max(INTERVAL, RESTS * timedelta(seconds=time.monotonic() - began))
        kept = {"until": max(since, min(until, settled)), "is_done": is_done, "rest": rest}
        cursor.execute(KEEP, values | kept)
    return is_done


def begin_counting(kind: Kind) -> bool:
    """Make the kind's row if it is missing, and tell whether it was."""
    statement = BEGIN.format(
        first=begin_span(f"coalesce(({kind.first}), statement_timestamp())"),
        longest_ago=begin_span("statement_timestamp() - %(longest_ago)s"),
    )
    values: dict[str, Any] = {"subject": kind.subject.value, "longest_ago": LONGEST_AGO}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)
