"""The product's own processes, started as production starts them: by the Procfile's lines.

    with start_receiver(database_url) as receiver, start_worker(database_url):
        httpx.post(f"{receiver.url}/webhooks/demo/", ...)

Each writes its log into a file of its own (`read_log`), and none outlives its `with` block.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from honcho.environ import parse_procfile

BASE_DIR = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One process of the Procfile, with its children in a process group of their own."""

    name: str
    process: subprocess.Popen[bytes]
    folder: Path
    """Its `DATA_DIR`, and where its log is."""

    def read_log(self) -> str:
        """Return all that it has written to its standard output and error."""
        return self.log_file.read_text(errors="replace")

    @property
    def log_file(self) -> Path:
        """Where its log is written."""
        return self.folder / f"{self.name}.log"

    def wait_for_log(self, text: str, seconds: float = START_SECONDS) -> None:
        """Return once its log holds `text`; raises AssertionError with the log if it never does."""
        deadline = time.monotonic() + seconds
        while text not in self.read_log():
            ended = self.process.poll() is not None
            assert not ended, f"{self.name} ended:\n{self.read_log()}"
            late = time.monotonic() > deadline
            assert not late, f"{self.name} never said {text!r}:\n{self.read_log()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as a supervisor does, by SIGTERM; by SIGKILL where that does not help."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its children at once, as the kernel does when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Receiver(RunningProcess):
    """gunicorn, ready to receive."""

    port: int

    @property
    def url(self) -> str:
        """Its address, without a final slash."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def start_receiver(database_url: str, **environment: str) -> Iterator[Receiver]:
    """Run gunicorn with config/gunicorn.py, by default one process of eight threads.

    `environment` overrides single variables, such as WEB_CONCURRENCY="2".
    """
    port = find_free_port()
    variables = {"PORT": str(port), "WEB_CONCURRENCY": "1"} | environment
    with start_process("web", database_url, variables) as running:
        wait_for_port(running, port)
        yield Receiver(running.name, running.process, running.folder, port)


@contextlib.contextmanager
def start_worker(
    database_url: str, *arguments: str, **environment: str
) -> Iterator[RunningProcess]:
    """Run a Celery worker for all queues; `arguments` are added to its command line.

    It may still be starting when the block begins: messages wait for it.
    """
    variables = {"WORKER_CONCURRENCY": "2"} | environment
    queues = ("--queues", "events,sweep,crm,tickets,usage,tasks,replays")
    with start_process("events", database_url, variables, *queues, *arguments) as running:
        yield running


@contextlib.contextmanager
def start_beat(database_url: str, *arguments: str, **environment: str) -> Iterator[RunningProcess]:
    """Run Celery beat, which has the sweep run every second here."""
    variables = {"WEBHOOKS_SWEEP_INTERVAL": "1"} | environment
    with start_process("beat", database_url, variables, *arguments) as running:
        yield running


@contextlib.contextmanager
def start_process(
    name: str, database_url: str, variables: dict[str, str], *arguments: str
) -> Iterator[RunningProcess]:
    """Run the Procfile's process `name`, and end it with the block."""
    folder = Path(tempfile.mkdtemp(prefix=f"switchboard-{name}-"))
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            build_command(name, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=BASE_DIR,
            env=build_environment(database_url, folder) | variables,
            start_new_session=True,
        )
    running = RunningProcess(name, process, folder)
    try:
        yield running
    finally:
        running.stop()
        running.kill()  # children that outlived it, if there are any
        shutil.rmtree(folder, ignore_errors=True)


def build_command(name: str, *arguments: str) -> list[str]:
    """Return the command of the Procfile's process `name`, with `arguments` at its end."""
    command = parse_procfile((BASE_DIR / "Procfile").read_text()).processes[name]
    return ["sh", "-c", f'exec {command} "$@"', name, *arguments]


def build_environment(database_url: str, folder: Path) -> dict[str, str]:
    """Return a production environment, with the keys of the tests so that they read the rows."""
    keys = ",".join(settings.SECRET_ENCRYPTION_KEYS)
    return build_production_environment(database_url, folder, settings.SECRET_KEY, keys)


def build_production_environment(
    database_url: str, folder: Path, secret_key: str, encryption_keys: str
) -> dict[str, str]:
    """Return the environment of a process in production, whose data folder is `folder`."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SECRET_KEY": secret_key,
        "SECRET_ENCRYPTION_KEYS": encryption_keys,
        "LOG_FORMAT": "json",
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
    }


def find_free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(running: RunningProcess, port: int) -> None:
    """Return once `running` answers HTTP; raises AssertionError with its log if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while not answers_http(port):
        ended = running.process.poll() is not None
        assert not ended, f"{running.name} ended:\n{running.read_log()}"
        late = time.monotonic() > deadline
        assert not late, f"{running.name} does not answer:\n{running.read_log()}"
        time.sleep(0.05)


def answers_http(port: int) -> bool:
    """Tell whether a worker answers: gunicorn's socket is open before there is one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET /webhooks/- HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return client.recv(1024).startswith(b"HTTP/1.1 405")
    except OSError:
        return False
