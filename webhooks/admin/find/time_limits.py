"""Look for rows for a moment only: which filters can be served is known by trying."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

STATEMENT = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"
"""For this transaction: the next one may be another's, on the same connection."""


class TooSlowError(Exception):
    """Postgres has not found the answer in the time that it was given."""


@contextmanager
def limit_time(most: timedelta) -> Iterator[None]:
    """Have each statement in the block take `most` and no longer.

    Raises TooSlowError where one does; then all that was asked in the block was in vain.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(STATEMENT, [f"{most // timedelta(milliseconds=1)}ms"])
            before, _ = cursor.fetchone() or ("0", "")
            yield
            cursor.execute(STATEMENT, [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlowError from error
        raise
