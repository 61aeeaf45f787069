"""Count the deliveries that nobody has vouched for, by what their counts have grown.

Only the first ones each hour leave a row, and `RejectionCount` has all of them, by the hour. What
it has grown by since it was looked at last belongs to the five minutes of now.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from webhooks.statistics.spans import begin_span

FIRST = "SELECT hour FROM webhooks_rejectioncount ORDER BY id LIMIT 1"

COUNT = f"""
WITH known AS (
    SELECT rejection.source_id, rejection.hour, rejection.verification, rejection.count
    FROM webhooks_source AS source
    JOIN webhooks_rejectioncount AS rejection
        ON rejection.source_id = source.id
        AND rejection.hour >= %(since)s - interval '1 hour' AND rejection.hour < %(until)s
        AND rejection.verification <> 'verified'
), grown AS (
    SELECT
        known.source_id, known.hour, known.verification,
        known.count - coalesce((
            SELECT sum(counted.count) FROM webhooks_deliverycount AS counted
            WHERE counted.since >= {begin_span("known.hour")}
                AND counted.since < known.hour + interval '1 hour'
                AND counted.source_id = known.source_id AND counted.outcome = 'rejected'
                AND counted.verification = known.verification
        ), 0) AS count
    FROM known
)
INSERT INTO webhooks_deliverycount AS known (since, source_id, outcome, verification, count)
SELECT
    least({begin_span("statement_timestamp()")}, {begin_span("hour + interval '59 minutes'")}),
    source_id, 'rejected', verification, count
FROM grown WHERE count > 0
ON CONFLICT (since, source_id, outcome, verification)
DO UPDATE SET count = known.count + EXCLUDED.count
"""  # noqa: S608 -- no value is in it
"""Source by source, since that is how the counts are indexed."""


def settle_after() -> timedelta:
    """Return how long after its end an hour's counts may still grow."""
    return 2 * timedelta(seconds=settings.DATABASE_STATEMENT_TIMEOUT)


def count_rejections(since: datetime, until: datetime) -> None:
    """Count what the hours have grown by in which `since` up to `until` lies."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"since": since, "until": until})
