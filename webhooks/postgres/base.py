"""The database engine `webhooks.postgres`.

`statement_timeout` is kept by the server, so a server that hangs (stopped, swapped out, behind
a dead network) does not keep it, and over a Unix socket no TCP limit applies either: a request
would wait for ever. Here the client itself stops waiting.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.db import Error, InterfaceError, OperationalError
from django.db.backends.postgresql import base
from psycopg import errors
from psycopg.pq import TransactionStatus

T = TypeVar("T")

PAUSE = 0.25
"""Seconds before work that an outage has interrupted is tried a third time, a fourth, and so on."""


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered in time."""

    reply_timeout: float | None = None
    """Seconds that any one wait for the server may take."""

    deadline: float | None = None
    """The `time.monotonic()` at which all waiting ends."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does, but not for longer than the limits allow."""
        limits = [limit for limit in (timeout, self.reply_timeout) if limit is not None]
        if self.deadline is not None:
            limits.append(self.deadline - time.monotonic())
        if not limits:
            return super().wait(gen, interval)
        try:
            return super().wait(gen, interval, max(0.0, min(limits)))
        except errors._WaitTimeout as error:  # noqa: SLF001 -- psycopg's only name for it
            # What the server does with the statement is unknown, so the connection is of no
            # further use to anyone.
            self.pgconn.finish()
            raise psycopg.OperationalError("Postgres did not answer within the limit") from error


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper, opening `TimedConnection`s."""

    connection: TimedConnection | None

    deadline: float | None = None
    """The `time.monotonic()` that connections opened now have to keep, too."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return what `psycopg.connect` takes; `reply_timeout` is ours and not among it."""
        params: dict[str, Any] = super().get_connection_params()
        params.pop("reply_timeout", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> TimedConnection:
        """Open a connection that keeps the time limits."""
        connection = TimedConnection.connect(**conn_params)
        connection.reply_timeout = self.settings_dict["OPTIONS"].get("reply_timeout")
        # Django asks the new connection a question or two before anybody else can. Behind
        # PgBouncer, whose connections open at once, that is where a full pool keeps one waiting.
        connection.deadline = self.deadline
        return connection

    def run_within(self, seconds: float, work: Callable[[], T], *, insist: bool = False) -> T:
        """Return what `work` returns, with all its waiting for the server bounded by `seconds`.

        Opening a connection adds the connect timeout at most. A connection that turns out to be
        dead, or that can only read, is replaced once and `work` run again, so it must do no harm to
        run it twice. With `insist` it is run again for as long as there is time, so that it
        outlasts a restart of the server. Raises what `work` does, and
        `django.db.OperationalError` when the time is up.
        """
        deadline = time.monotonic() + seconds
        pause = 0.0
        while True:
            reused = self.connection is not None
            try:
                return self._run_until(deadline, work)
            except BaseException as error:
                self._give_up_after(error)
                if not isinstance(error, Error):
                    raise
                is_outage = isinstance(error, OperationalError | InterfaceError)
                is_outage = is_outage or is_read_only(error)
                may_go_on = (insist and is_outage) or (reused and self._is_lost())
                if self.in_atomic_block or not may_go_on or time.monotonic() + pause >= deadline:
                    raise
            if self._is_lost():
                self.close()
            time.sleep(pause)
            pause = PAUSE

    def _give_up_after(self, error: BaseException) -> None:
        """Close the connection where it is of no further use to anyone after `error`."""
        connection = self.connection
        if connection is None:
            return
        # What a signal's handler raises (a task's time limit) leaves the statement under way, and
        # psycopg sees to that for Ctrl-C alone: whatever is asked next would be refused.
        is_busy = connection.pgconn.transaction_status == TransactionStatus.ACTIVE
        if is_busy or is_read_only(error):
            self.close()

    def _is_lost(self) -> bool:
        """Tell whether there is no connection any more; Django may have given it up itself."""
        return self.connection is None or self.connection.closed

    def _run_until(self, deadline: float, work: Callable[[], T]) -> T:
        """Return what `work` returns, with all its waiting for the server ending at `deadline`."""
        # Django would first ask whether the connection is alive, and so does `work` itself.
        self.health_check_done = True
        self.deadline = deadline
        try:
            self.ensure_connection()
            if self.connection is not None:
                self.connection.deadline = deadline
            return work()
        finally:
            self.deadline = None
            # It may be another one by now: `work` can have opened it.
            if self.connection is not None:
                self.connection.deadline = None


def is_read_only(error: BaseException) -> bool:
    """Tell whether Postgres has refused to write: a standby, or a server that is being replaced."""
    return isinstance(error.__cause__, errors.ReadOnlySqlTransaction)
