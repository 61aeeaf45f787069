"""Give a worker events to process, and nobody else the same.

What was never tried comes in batches, half of them the longest due and half the newest, so that a
backlog keeps no fresh event waiting and is itself worked off. What failed before, or was lost with
its worker, comes alone: it may be what its worker died of, and shall take no other event with it.

All times are the database's, so a worker with a wrong clock does no harm. The statements are SQL,
since the ORM has no way to say "take, and tell me what", and with their conditions written out,
since a plan that is made once for all parameters has to see that the index serves.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

logger = structlog.stdlib.get_logger("webhooks.event")

BATCH = 50
"""Events in a batch: what costs the same for one or many is shared by enough of them, and what is
lost with a worker is still little."""

MOST_BYTES = 16 * 1024 * 1024
"""Bodies in a batch, together, give or take one at either end: they are in memory at once."""

LOST_WORKER = "Its worker did not come back, time and again."

CLAIM_FRESH = """
WITH longest_due AS (
    SELECT id, due_at, body_bytes FROM webhooks_event
    WHERE status = 'pending' AND attempts = 0 AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT %(half)s
    FOR NO KEY UPDATE SKIP LOCKED
), newest AS (
    SELECT id, due_at, body_bytes FROM webhooks_event
    WHERE status = 'pending' AND attempts = 0 AND due_at <= statement_timestamp()
    ORDER BY due_at DESC, id DESC LIMIT %(half)s
    FOR NO KEY UPDATE SKIP LOCKED
), measured AS (
    SELECT id, sum(body_bytes) OVER (ORDER BY due_at, id) - body_bytes AS before FROM longest_due
    UNION ALL
    SELECT id, sum(body_bytes) OVER (ORDER BY due_at DESC, id DESC) - body_bytes FROM newest
), taken AS (
    SELECT DISTINCT id FROM measured WHERE before < %(bytes)s
)
UPDATE webhooks_event
SET attempts = 1, due_at = statement_timestamp() + %(for)s, lease = %(lease)s
FROM taken WHERE webhooks_event.id = taken.id
RETURNING webhooks_event.id
"""
"""The attempt is counted before the work begins, so that an event that kills its worker is
counted, too."""

CLAIM_TRIED = """
WITH next AS (
    SELECT id, attempts >= %(limit)s AS is_worn_out FROM webhooks_event
    WHERE status = 'pending' AND attempts > 0 AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE webhooks_event SET
    attempts = CASE WHEN is_worn_out THEN attempts ELSE attempts + 1 END,
    status = CASE WHEN is_worn_out THEN 'dead' ELSE status END,
    error = CASE WHEN is_worn_out THEN %(lost_worker)s ELSE error END,
    due_at = statement_timestamp() + %(for)s,
    lease = CASE WHEN is_worn_out THEN NULL ELSE %(lease)s END
FROM next WHERE webhooks_event.id = next.id
RETURNING webhooks_event.id, attempts, is_worn_out
"""

COUNT_DUE = """
SELECT count(*) FROM (
    SELECT FROM webhooks_event
    WHERE status = 'pending' AND due_at <= statement_timestamp() - %(for_at_least)s
    ORDER BY due_at LIMIT %(most)s
) AS due
"""
"""In an order, so that Postgres does not look for some of a long backlog in the whole table."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The right to process these events until their lease ends.

    `attempt` is the number of the attempt that it is for each of them. `lease` is what they carry
    as long as nobody else has claimed them since.
    """

    keys: tuple[int, ...]
    attempt: int
    lease: uuid.UUID


def claim_fresh() -> Batch | None:
    """Take a batch of due events that were never tried, for the length of a lease.

    Returns None where none is due. Called by workers, outside any transaction.
    """
    lease = uuid.uuid4()
    values = {
        "half": BATCH // 2,
        "bytes": MOST_BYTES // 2,
        "for": settings.WEBHOOKS_EVENT_LEASE,
        "lease": lease,
    }
    keys = tuple(sorted(key for (key,) in run(CLAIM_FRESH, values)))
    return Batch(keys, 1, lease) if keys else None


def claim_tried() -> Batch | None:
    """Take the longest due of the events that were tried before, by itself, as `claim_fresh` does.

    One that has used up its attempts without a word from any of its workers is dead.
    """
    lease = uuid.uuid4()
    values = {
        "limit": settings.WEBHOOKS_MAX_ATTEMPTS,
        "for": settings.WEBHOOKS_EVENT_LEASE,
        "lease": lease,
        "lost_worker": LOST_WORKER,
    }
    while found := run(CLAIM_TRIED, values):
        ((key, attempt, is_worn_out),) = found
        if not is_worn_out:
            return Batch((key,), attempt, lease)
        logger.error("event_dead", event_pk=key, attempts=attempt)
    return None


def count_due(most: int, for_at_least: timedelta = timedelta(0)) -> int:
    """Return how many events a worker could claim, and could for so long; at most `most`."""
    ((count,),) = run(COUNT_DUE, {"most": most, "for_at_least": for_at_least})
    return int(count)


def run(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows that the statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
