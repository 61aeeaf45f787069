"""How a test makes sure that its two transactions really meet."""

import time
from typing import Any

SECONDS = 10


def wait_for_blocked_statement(connection: Any) -> None:
    """Return as soon as another connection waits for a lock; fail after ten seconds."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            # Not pg_stat_activity: within a transaction it goes on showing what it showed first.
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("no statement came to wait for this transaction")
