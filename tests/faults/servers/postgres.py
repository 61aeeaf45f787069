"""Postgres, durable as in production, started again whenever it ends, on a small volume."""

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

from config.embedded import DATABASE, PORT, SUPERUSER, EmbeddedPostgres, EmbeddedPostgresError
from tests.faults.servers.volume import Volume
from tests.faults.trees import freeze_tree, kill_tree, thaw_tree

ACCOUNT = "switchboard"
"""The product's own, which is no superuser: the places that are kept for superusers stay ours."""

CONNECTIONS = 140
RESERVED = 10

SETTINGS = {
    "max_connections": str(CONNECTIONS),
    "superuser_reserved_connections": str(RESERVED),
    # So that the volume can be small: the write-ahead log is kept for one checkpoint only.
    "max_wal_size": "192MB",
    "min_wal_size": "64MB",
    "wal_recycle": "off",  # a recycled segment would be written to on a full disk, too
    "autovacuum_naptime": "10s",
}

CROWD = "switchboard-faults-crowd"
"""The `application_name` of the connections that crowd the product out."""

PAUSE = 0.5
WAIT_SECONDS = 120.0


class PostgresServer:
    """The server, its volume and its watcher; all end with the `with` block.

    `conninfo` is the superuser's way in, past every proxy, and `product_url` the product's own.
    """

    def __init__(self, folder: Path, megabytes: int, log: Path) -> None:
        self.volume = Volume(folder / "volume", megabytes)
        self._log = log
        self._server = EmbeddedPostgres(self.volume.folder / "postgres")
        self._is_wanted = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch postgres", daemon=True)
        self.restarts = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.volume)
            stack.callback(self._end)
            self._server.start()
            self._configure()
            self._server.stop()
            self._server.start()
            self._is_wanted.set()
            self._watcher.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def conninfo(self) -> str:
        """The superuser's address as libpq reads it."""
        return make_conninfo(
            host=str(self._server.folder),
            port=PORT,
            user=SUPERUSER,
            dbname=DATABASE,
            connect_timeout=2,
            application_name="switchboard-faults",
        )

    @property
    def product_url(self) -> str:
        """The product's `DATABASE_URL`: the Unix socket, and an account that owns its database."""
        return f"postgres://{ACCOUNT}@/{DATABASE}?host={self._server.folder}&port={PORT}"

    @property
    def socket(self) -> Path:
        """The Unix socket on which it listens."""
        return self._server.folder / f".s.PGSQL.{PORT}"

    @property
    def pid(self) -> int:
        """The id of the main process. Raises OSError or IndexError while there is none."""
        return int((self._server.folder / "postmaster.pid").read_text().splitlines()[0])

    def connect(self, **parameters: Any) -> psycopg.Connection[Any]:
        """Return a superuser's connection in autocommit. Raises `psycopg.OperationalError`."""
        return psycopg.connect(self.conninfo, autocommit=True, **parameters)

    def answers(self) -> bool:
        """Tell whether it takes a connection and a write."""
        try:
            with self.connect() as connection:
                connection.execute("SELECT pg_current_xact_id()")
        except psycopg.Error:
            return False
        return True

    def wait(self, seconds: float = WAIT_SECONDS) -> None:
        """Return when it answers. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > deadline:
                raise TimeoutError("Postgres does not come back")
            time.sleep(0.1)

    def is_full(self) -> bool:
        """Tell whether it has no connection left for the product."""
        try:
            self.connect(user=ACCOUNT, application_name=CROWD).close()
        except psycopg.OperationalError:
            return True
        return False

    def crash(self) -> bool:
        """Shut it down at once, as `pg_ctl stop -m immediate` does; the watcher starts it again.

        Tells whether it was there.
        """
        try:
            os.kill(self.pid, signal.SIGQUIT)
        except (OSError, IndexError):
            return False
        return True

    def mend(self) -> None:
        """See to it that it runs and answers, whatever was done to it. Raises TimeoutError."""
        self.volume.clear()
        with contextlib.suppress(OSError, IndexError):
            thaw_tree(self.pid)
        self.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it take connections and answer nothing during the block."""
        pid = self.pid
        freeze_tree(pid)
        try:
            yield
        finally:
            thaw_tree(pid)

    @contextlib.contextmanager
    def disk_full(self) -> Iterator[None]:
        """Have its disk full during the block, its write-ahead log's next file included."""
        with self.volume.full():
            with contextlib.suppress(psycopg.Error), self.connect() as connection:
                connection.execute("SELECT pg_switch_wal()")
            yield

    @contextlib.contextmanager
    def crowded(self) -> Iterator[None]:
        """Have others hold all of its connections during the block.

        The product's are taken away from it: an application that had grown to the limit before
        the product was started would leave it none either.
        """
        is_over = threading.Event()
        crowd = threading.Thread(target=self._crowd, args=(is_over,), daemon=True)
        crowd.start()
        try:
            yield
        finally:
            is_over.set()
            crowd.join()

    def _crowd(self, is_over: threading.Event) -> None:
        held: list[psycopg.Connection[Any]] = []
        try:
            while not is_over.is_set():
                with contextlib.suppress(psycopg.Error), self.connect() as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE usename = %s AND application_name <> %s",
                        [ACCOUNT, CROWD],
                    )
                with contextlib.suppress(psycopg.Error):
                    while len(held) < CONNECTIONS and not is_over.is_set():
                        held.append(
                            psycopg.connect(self.conninfo, user=ACCOUNT, application_name=CROWD)
                        )
                is_over.wait(0.1)
        finally:
            for connection in held:
                connection.close()

    def _configure(self) -> None:
        with self.connect() as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute(f"CREATE ROLE {ACCOUNT} LOGIN".encode())
            connection.execute(f"ALTER DATABASE {DATABASE} OWNER TO {ACCOUNT}".encode())
            connection.execute(f"GRANT ALL ON SCHEMA public TO {ACCOUNT}".encode())

    def _watch(self) -> None:
        """Start it again whenever it has ended, as systemd does, for as long as it is wanted."""
        while self._is_wanted.is_set():
            time.sleep(0.1)
            if self._server.is_running() or not self._is_wanted.is_set():
                continue
            self._keep_log()
            time.sleep(PAUSE)
            self.restarts += 1
            # On a full disk it does not even start: it is tried again until it does.
            with contextlib.suppress(EmbeddedPostgresError):
                self._server.start()

    def _keep_log(self) -> None:
        """Add what the server has said to the run's log: each start begins a new one."""
        with contextlib.suppress(OSError), self._log.open("ab") as kept:
            kept.write((self._server.folder / "server.log").read_bytes())

    def _end(self) -> None:
        self._is_wanted.clear()
        if self._watcher.is_alive():
            self._watcher.join()
        self.volume.clear()
        with contextlib.suppress(OSError, IndexError):
            thaw_tree(self.pid)
        with contextlib.suppress(EmbeddedPostgresError):
            self._server.stop()
        with contextlib.suppress(OSError, IndexError):
            kill_tree(self.pid)
        self._keep_log()
        shutil.rmtree(self._server.folder, ignore_errors=True)
