"""Count the deliveries that were proven genuine, by their rows."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from webhooks.statistics.spans import begin_span

FIRST = "SELECT received_at FROM webhooks_delivery ORDER BY id LIMIT 1"

COUNT = f"""
WITH counted AS (
    SELECT {begin_span("received_at")} AS since, source_id, outcome, count(*) AS count
    FROM webhooks_delivery
    WHERE received_at >= %(since)s AND received_at < %(until)s AND verification = 'verified'
    GROUP BY 1, 2, 3
)
INSERT INTO webhooks_deliverycount AS known (since, source_id, outcome, verification, count)
SELECT since, source_id, outcome, 'verified', count FROM counted
ON CONFLICT (since, source_id, outcome, verification) DO UPDATE SET count = EXCLUDED.count
WHERE known.count <> EXCLUDED.count
"""  # noqa: S608 -- no value is in it
"""A delivery's row is never changed, so that a count only ever grows."""


def settle_after() -> timedelta:
    """Return how long after five minutes a delivery that arrived in them may still be recorded.

    It has the time of its transaction's beginning, which the server's limit bounds.
    """
    return 2 * timedelta(seconds=settings.DATABASE_STATEMENT_TIMEOUT)


def count_deliveries(since: datetime, until: datetime) -> None:
    """Count what arrived from `since` up to `until`, both the beginnings of five minutes."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"since": since, "until": until})
