"""Celery's broker inside Postgres: kombu's pgmq transport with time limits of our own.

kombu builds its connections from host, port, name and password alone, so there is no way to
bound how long it waits, nor to say that a lost hint is no loss. This transport gives it a
connection pool that says both.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES, pgmq
from pgmq import PGMQueue, install_pgmq_from_sql
from psycopg import sql
from psycopg_pool import ConnectionPool

from webhooks.postgres.base import TimedConnection

QUEUES = ("events", "crm", "tickets", "usage", "tasks", "replays", "sweep")
"""One for each kind of work, so that none waits for another."""

PREFIX = "switchboard_"
"""What a queue's name begins with in Postgres."""


ENOUGH = 1000
"""More messages than anybody sends who asks how many wait."""

COUNT_VISIBLE = sql.SQL(
    "SELECT count(*) FROM (SELECT FROM {} WHERE vt <= clock_timestamp() LIMIT %s) AS visible"
)


class NotifyWaiter(pgmq._NotifyWaiter):  # noqa: SLF001 -- kombu has no other name for it
    """Waits for notifications on a connection that gives up in time as it begins to listen."""

    def __init__(self, connect: Callable[[], TimedConnection], reply_timeout: float) -> None:
        super().__init__("")
        self._conn: Any = None
        self._connect = connect
        self._reply_timeout = reply_timeout

    def _ensure_conn(self) -> None:
        if self._conn is not None:
            return
        connection = self._connect()
        try:
            for channel in self._channels:
                self._listen(connection, channel)
        except psycopg.Error:
            connection.close()
            raise
        self._conn = connection

    def _listen(self, conn: Any, channel: str) -> None:
        conn.reply_timeout = self._reply_timeout
        super()._listen(conn, channel)
        # A notification may take as long as it likes.
        conn.reply_timeout = None


class Channel(pgmq.Channel):
    """A channel that takes its queues as `install_broker` made them.

    kombu has every process create every queue and its trigger anew as it connects. Those that
    start together then wait for each other's table locks, or Postgres ends one for a deadlock.
    """

    queue_name_prefix = PREFIX

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        """Do nothing: the queue is there."""

    def _maybe_enable_notify(self, queue: str, queue_name: str | None = None) -> None:
        """Listen for what comes into a queue that is consumed."""
        transport: Any = self.connection
        transport._register_notify_queue(queue_name or self._queue_name(queue))  # noqa: SLF001 -- as kombu's own does

    def _size(self, queue: str) -> int:
        """Count what waits, as other brokers do: not what a worker, even a killed one, holds.

        No further than matters. pgmq's own metrics count the whole queue twice.
        """
        table = sql.Identifier("pgmq", f"q_{self._queue_name(queue)}")
        pool: Any = self.pgmq.pool
        with pool.connection() as connection:
            ((count,),) = connection.execute(COUNT_VISIBLE.format(table), [ENOUGH])
        return int(count)


class Transport(pgmq.Transport):
    """The `pgmq://` transport over connections that give up in time.

    The transport option `conn_string` is the database's address as libpq reads it, `tcp_options`
    are libpq's, and `connect_timeout` and `reply_timeout` are in seconds.
    """

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)  # type: ignore[no-untyped-call] # kombu has none
        options = client.transport_options
        self._conninfo: str = options["conn_string"]
        self._connect_timeout: float = options["connect_timeout"]
        self._reply_timeout: float = options["reply_timeout"]
        self._tcp_options: dict[str, int] = options["tcp_options"]
        self._pool: ConnectionPool[Any] | None = None

    def _build_parameters(self) -> dict[str, Any]:
        """Return what libpq is told beside the address."""
        return {
            "autocommit": True,
            "connect_timeout": max(1, round(self._connect_timeout)),
            "application_name": "switchboard-broker",
            "target_session_attrs": "read-write",
            # A message is a hint to rows that are safe already: losing one in a crash costs
            # a moment until the sweep, waiting for the disk would cost every publish.
            "options": (
                f"-c synchronous_commit=off -c statement_timeout={int(self._reply_timeout * 500)}"
            ),
            **self._tcp_options,
        }

    def _limit(self, connection: TimedConnection) -> None:
        connection.reply_timeout = self._reply_timeout

    def _connect(self) -> TimedConnection:
        """Open a connection of its own, outside the pool."""
        connection = TimedConnection.connect(self._conninfo, **self._build_parameters())
        self._limit(connection)
        return connection

    def _create_pgmq_client(self) -> PGMQueue:
        self._pool = ConnectionPool(
            self._conninfo,
            connection_class=TimedConnection,
            configure=self._limit,
            min_size=1,
            max_size=4,
            timeout=self._connect_timeout,
            open=True,
            kwargs=self._build_parameters(),
        )
        return PGMQueue(conn_string=self._conninfo, init_extension=False, pool=self._pool)

    def _get_notify_waiter(self) -> Any:
        # kombu would listen on an address put together from the parts that pgmq keeps, which
        # loses every connection parameter.
        if self._notify_waiter is None:
            self._notify_waiter = NotifyWaiter(self._connect, self._reply_timeout)
        return self._notify_waiter

    def establish_connection(self) -> Any:
        """Connect; a pool that cannot is closed, since kombu closes only what was open."""
        try:
            return super().establish_connection()  # type: ignore[no-untyped-call] # kombu has none
        except Exception:
            self._close_pool()
            raise

    def close_connection(self, connection: Any) -> None:
        """Close the pool too: pgmq leaves a pool alone that it did not open."""
        super().close_connection(connection)
        self._close_pool()

    def _close_pool(self) -> None:
        pool, self._pool, self._pgmq_client = self._pool, None, None
        if pool is not None:
            pool.close(timeout=self._connect_timeout)


def register_transport() -> None:
    """Make `pgmq://` mean this transport. Called once, where the Celery app is made."""
    TRANSPORT_ALIASES["pgmq"] = f"{__name__}:Transport"


def install_broker(conninfo: str) -> bool:
    """Create pgmq's schema and our queues in the database, where they are missing.

    Returns whether anything had to be created. Safe to call at every start, and from two at once.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('switchboard.install_broker'))")
        row = connection.execute("SELECT to_regnamespace('pgmq') IS NULL").fetchone()
        if row and row[0]:
            install_pgmq_from_sql(conn=connection)
        found = {
            name for (name,) in connection.execute("SELECT queue_name FROM pgmq.list_queues()")
        }
        missing = [name for queue in QUEUES if (name := PREFIX + queue) not in found]
        for name in missing:
            connection.execute("SELECT pgmq.create(%s)", [name])
            # Unthrottled: a notification that is held back is a hint that waits for the next poll.
            connection.execute("SELECT pgmq.enable_notify_insert(%s, 0)", [name])
    return bool(missing)


def main() -> None:
    """Install the broker in the database that the settings name: `python -m config.broker`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
    try:
        created = install_broker(settings.CELERY_BROKER_TRANSPORT_OPTIONS["conn_string"])
    except KeyError:
        sys.exit("CELERY_BROKER_URL names a broker outside Postgres: there is nothing to install.")
    except (ImproperlyConfigured, psycopg.Error) as error:
        sys.exit(f"The broker cannot be installed: {error}")
    sys.stdout.write("The broker is installed.\n" if created else "The broker is there already.\n")


if __name__ == "__main__":
    main()
