"""Find the rows of a span of time by their keys.

Rows are written in the order of their keys, and say when. An index of the times alone would have
to be walked from the newest row, past all that came since, to list what is long ago. The admin's
filters and the API's ask here.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet

SLACK = timedelta(minutes=10)
"""How much later than its neighbours a row may say that it was written: a transaction's length."""

SMALL = 100_000
"""Keys that are walked past in no time, so that nothing has to be found out about them."""

STATEMENT = """
WITH RECURSIVE halves (low, high) AS (
    SELECT min({key}), max({key}) + 1 FROM {table}
    UNION ALL
    SELECT
        CASE WHEN probe.at < %s THEN probe.key + 1 ELSE low END,
        CASE WHEN probe.at < %s THEN high ELSE (low + high) / 2 END
    FROM halves
    LEFT JOIN LATERAL (
        SELECT {key} AS key, {column} AS at FROM {table}
        WHERE {key} >= (low + high) / 2 AND {key} < high ORDER BY {key} LIMIT 1
    ) AS probe ON true
    WHERE low < high
)
SELECT low, (SELECT max({key}) - min({key}) FROM {table}) FROM halves WHERE low >= high
"""
"""Halves the keys until it is known which is the first row of that time or later."""


def narrow(
    rows: QuerySet[Any], column: str, since: datetime | None, until: datetime | None
) -> QuerySet[Any]:
    """Return `rows` with the keys that rows between two times can have.

    `column` is when a row was written, by the database's clock. The caller asks for the time
    itself as well: this only says where to look.
    """
    if since and (first := find_first_key(rows.model, column, move(since, -SLACK))):
        rows = rows.filter(pk__gte=first)
    if until and (behind := find_first_key(rows.model, column, move(until, SLACK))):
        rows = rows.filter(pk__lt=behind)
    return rows


def move(moment: datetime, by: timedelta) -> datetime:
    """Return `moment` later by so much; itself at the end of time, where no row is."""
    try:
        return moment + by
    except OverflowError:
        return moment


def find_first_key(model: type[Model], column: str, moment: datetime) -> int | None:
    """Return the key from which on rows were written at `moment` or later.

    Where there is no such row, that is one behind the last; in a small table, nothing is said.
    """
    quote = connection.ops.quote_name
    opts = model._meta  # noqa: SLF001 -- documented API
    names = {
        "table": quote(opts.db_table),
        "key": quote(str(opts.pk.column)),
        "column": quote(str(opts.get_field(column).column)),  # type: ignore[union-attr] # no relation
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT.format(**names), [moment, moment])
        row = cursor.fetchone()
    if row is None or row[1] is None or row[1] < SMALL:
        return None
    key: int = row[0]
    return key
