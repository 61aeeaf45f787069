"""What is counted is kept for a season."""

from datetime import timedelta
from typing import Any

from django.db import connection

from webhooks.models import AcknowledgementCount, AttemptCount, DeliveryCount

KEPT = timedelta(days=90)

AT_ONCE = 500
"""Rows that are deleted together: more than come in meanwhile, and done in a moment."""

TABLES = tuple(
    counts._meta.db_table  # noqa: SLF001 -- documented API
    for counts in (DeliveryCount, AttemptCount, AcknowledgementCount)
)

DELETE = """
DELETE FROM {table} WHERE id IN (
    SELECT id FROM {table} WHERE since < statement_timestamp() - %(kept)s
    ORDER BY since LIMIT %(at_once)s
    -- What is locked is being deleted by another.
    FOR UPDATE SKIP LOCKED
)
"""


def delete_old_counts() -> None:
    """Delete some of the counts that are too old; called with every counting."""
    values: dict[str, Any] = {"kept": KEPT, "at_once": AT_ONCE}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(DELETE.format(table=table), values)
