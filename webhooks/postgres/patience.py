"""How long whoever asks Postgres waits for it, and tries again."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

from django.db import connection

from webhooks.postgres.base import DatabaseWrapper

T = TypeVar("T")


def ask_within(limit: timedelta, question: Callable[[], T]) -> T:
    """Return what `question`, which may be asked twice, returns within `limit`.

    Raises what `question` does, and `django.db.Error` where Postgres is away or hangs.
    """
    database = cast("DatabaseWrapper", connection)
    return database.run_within(limit.total_seconds(), question)


def insist(work: Callable[[], T], ends_at: float) -> T:
    """Return what `work` returns, which may be run any number of times until `ends_at`.

    That is a `time.monotonic()`; it is run once in any case. Raises what `work` does, and
    `django.db.Error` where Postgres does not come back in time.
    """
    database = cast("DatabaseWrapper", connection)
    return database.run_within(max(1.0, ends_at - time.monotonic()), work, insist=True)
