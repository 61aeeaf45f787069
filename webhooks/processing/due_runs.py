"""Count the runs that wait for a worker; what is done with them is `operations.running`'s."""

from datetime import timedelta
from typing import Any

from django.db import connection

COUNT_DUE = """
SELECT count(*) FROM (
    SELECT FROM webhooks_replay
    WHERE state IN ('waiting', 'running') AND due_at <= statement_timestamp() - %(for_at_least)s
    ORDER BY due_at LIMIT %(most)s
) AS due
"""


def count_due_runs(most: int, for_at_least: timedelta = timedelta(0)) -> int:
    """Return how many runs a worker could claim, and could for so long; at most `most`."""
    values: dict[str, Any] = {"most": most, "for_at_least": for_at_least}
    with connection.cursor() as cursor:
        cursor.execute(COUNT_DUE, values)
        ((count,),) = cursor.fetchall()
    return int(count)
