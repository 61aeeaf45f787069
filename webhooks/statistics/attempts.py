"""Count attempts by how they ended, in the five minutes in which they began."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from webhooks.statistics.spans import begin_span

FIRST = "SELECT started_at FROM webhooks_attempt ORDER BY id LIMIT 1"

COUNT = f"""
WITH counted AS (
    SELECT
        {begin_span("attempt.started_at")} AS since,
        effect.integration,
        CASE
            WHEN attempt.outcome = 'running'
                AND attempt.started_at < statement_timestamp() - %(lease)s THEN 'lost'
            ELSE attempt.outcome
        END AS outcome,
        count(*) AS count
    FROM webhooks_attempt AS attempt JOIN webhooks_effect AS effect ON effect.id = attempt.effect_id
    WHERE attempt.started_at >= %(since)s AND attempt.started_at < %(until)s
    GROUP BY 1, 2, 3
), gone AS (
    DELETE FROM webhooks_attemptcount AS known
    WHERE known.since >= %(since)s AND known.since < %(until)s AND NOT EXISTS (
        SELECT FROM counted
        WHERE (counted.since, counted.integration, counted.outcome)
            = (known.since, known.integration, known.outcome)
    )
)
INSERT INTO webhooks_attemptcount AS known (since, integration, outcome, count)
SELECT since, integration, outcome, count FROM counted
ON CONFLICT (since, integration, outcome) DO UPDATE SET count = EXCLUDED.count
WHERE known.count <> EXCLUDED.count
"""  # noqa: S608 -- no value is in it
"""An attempt whose lease has ended is counted as lost, although it says that it is running until
another one takes its effect over: which may be when somebody resumes the integration, in days."""


def settle_after() -> timedelta:
    """Return how long after five minutes an attempt that began in them may still end."""
    lease: timedelta = settings.WEBHOOKS_LEASE
    return lease + timedelta(minutes=1)


def count_attempts(since: datetime, until: datetime) -> None:
    """Count what began from `since` up to `until`, both the beginnings of five minutes."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"since": since, "until": until, "lease": settings.WEBHOOKS_LEASE}
        cursor.execute(COUNT, values)
