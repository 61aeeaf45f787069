"""`make run`, as a person meets it: everything starts, shows itself, and ends without a trace."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from config.preconditions import StartError, own_folder
from tests.processes import find_free_port

BASE_DIR = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
END_SECONDS = 60


class Run:
    """One run of `python -m config.run`, which is what `make run` executes."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.log = folder.with_suffix(".log")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "LOG_FORMAT"}
            and not name.startswith("SECRET_")
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                cwd=BASE_DIR,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=inherited | {"DATA_DIR": str(folder), "PORT": str(self.port)} | environment,
            )

    def read_log(self) -> str:
        """Return all that it has printed."""
        return self.log.read_text(errors="replace")

    def wait_until_shown(self) -> float:
        """Wait until the addresses are printed; return the seconds that it took."""
        started = time.monotonic()
        wait_for(
            lambda: "Ctrl-C ends it." in self.read_log() or self.process.poll() is not None,
            START_SECONDS,
            self.read_log,
        )
        assert self.process.poll() is None, self.read_log()
        return time.monotonic() - started

    def find_process(self, name: str) -> int:
        """Return the process id that was printed for a process of the Procfile."""
        found = re.search(rf"{name} started \(pid=(\d+)\)", self.read_log())
        assert found
        return int(found.group(1))

    def is_gone(self) -> bool:
        """Return whether none of its processes is left, and nothing listens any more."""
        names = ("web", "events", "crm", "tickets", "usage", "tasks", "replays", "sweep", "beat")
        return (
            not any(group_lives(self.find_process(name)) for name in names)
            and not (self.folder / "postgres" / "postmaster.pid").exists()
            and is_free(self.port)
        )

    def end(self, signum: int) -> int:
        """Send the signal, and return the exit status that follows."""
        self.process.send_signal(signum)
        return self.process.wait(END_SECONDS)


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Run]:
    """Give a run, and see to its end."""
    run = Run(folder, **environment)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(END_SECONDS)


def wait_for(condition: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
    """Wait until the condition holds; fail with what `explain` returns if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def group_lives(group: int) -> bool:
    """Return whether a process of the group is alive; one that is only not yet reaped is not."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pgid=,stat="], check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return any(int(pgid) == group and not state.startswith("Z") for pgid, state in rows)


def is_unlocked(folder: Path) -> bool:
    """Return whether the last process that a run forked has let go of its data folder."""
    try:
        with own_folder(folder):
            return True
    except StartError:
        return False


def is_free(port: int) -> bool:
    """Return whether nothing listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def is_reached_elsewhere(port: int) -> bool:
    """Return whether the port is open on another address of this machine than the usual one."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.2", port)) == 0


def read_shown(run: Run, name: str) -> str:
    """Return the value that was printed behind `name`."""
    found = re.search(rf"^  {name} +(\S.*)$", run.read_log(), flags=re.MULTILINE)
    assert found, run.read_log()
    return found.group(1)


def count_events(run: Run) -> int:
    """Return how many events the API has, asked with the token that was printed."""
    answer = httpx.get(
        read_shown(run, "API"), headers={"Authorization": f"Bearer {read_shown(run, 'Token')}"}
    )
    assert answer.status_code == 200, answer.text
    return len(answer.json()["results"])


@pytest.mark.timeout(300)
def test_first_and_second_start(tmp_path: Path) -> None:
    """A start shows a conversation's way to its effects; the next one finds the data, quickly."""
    with running(tmp_path / "data") as first:
        slowly = first.wait_until_shown()
        log = first.read_log()
        for effect in ("crm", "usage", "tickets", "tasks"):
            assert re.search(rf" {effect} +succeeded ", log), log
        assert count_events(first) == 3
        assert not is_reached_elsewhere(first.port)
        shown = [read_shown(first, name) for name in ("Login", "Token", "Secret")]
        assert first.end(signal.SIGINT) == 0
        assert first.read_log().count("stopping; the workers finish") == 1
        assert first.is_gone()
        assert "Traceback" not in first.read_log()

    with running(tmp_path / "data") as second:
        assert second.wait_until_shown() < max(10, slowly)  # a busy machine makes both slow
        assert [read_shown(second, name) for name in ("Login", "Token", "Secret")] == shown
        assert count_events(second) == 6
        assert second.end(signal.SIGTERM) == 0
        assert second.is_gone()
        assert "Traceback" not in second.read_log()


@pytest.mark.timeout(300)
def test_end_of_one_process_ends_all(tmp_path: Path) -> None:
    """When a process dies, and when it is Postgres, the others end and the status says so."""
    with running(tmp_path / "data") as run:
        run.wait_until_shown()
        os.kill(run.find_process("crm"), signal.SIGKILL)
        assert run.process.wait(END_SECONDS) != 0
        assert run.is_gone()

    with running(tmp_path / "data") as run:
        run.wait_until_shown()
        postmaster = (run.folder / "postgres" / "postmaster.pid").read_text().split()[0]
        os.kill(int(postmaster), signal.SIGKILL)
        assert run.process.wait(END_SECONDS) == 1
        assert run.is_gone()


@pytest.mark.timeout(300)
def test_start_after_a_killed_run(tmp_path: Path) -> None:
    """The processes of a killed supervisor end by themselves; its Postgres is taken over."""
    with running(tmp_path / "data") as killed:
        killed.wait_until_shown()
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        wait_for(lambda: is_unlocked(killed.folder), END_SECONDS, killed.read_log)
        assert is_free(killed.port)

    with running(tmp_path / "data") as run:
        run.wait_until_shown()
        assert count_events(run) == 6
        assert run.end(signal.SIGTERM) == 0
        assert run.is_gone()


@pytest.mark.timeout(300)
def test_given_credentials_are_used_and_a_database_too(tmp_path: Path, own_database: str) -> None:
    """What a person sets is what they log in with, and their Postgres is the only one."""
    given = {
        "DATABASE_URL": own_database,
        "ADMIN_PASSWORD": "a passphrase of mine",
        "DEMO_API_TOKEN": "a-token-of-my-own-making",
        "DEMO_SIGNING_SECRET": "my-signing-secret",
    }
    with running(tmp_path / "data", **given) as run:
        run.wait_until_shown()
        assert read_shown(run, "Login") == "admin / a passphrase of mine"
        assert read_shown(run, "Secret") == "my-signing-secret"
        assert count_events(run) == 3
        assert not (run.folder / "postgres").exists()


def test_wrong_token_gets_a_sentence(tmp_path: Path) -> None:
    """A start that cannot succeed says why in one line, and leaves nothing running."""
    with running(tmp_path / "data", DEMO_API_TOKEN="x" * 19) as run:
        assert run.process.wait(END_SECONDS) == 1
        assert run.read_log().splitlines()[1:] == [
            "DEMO_API_TOKEN must have at least 20 characters."
        ]
        assert not (run.folder / "postgres" / "postmaster.pid").exists()


def test_unreachable_database_gets_a_sentence(tmp_path: Path) -> None:
    """A `DATABASE_URL` that leads nowhere is named, without the password in it."""
    url = f"postgres://u:hunter2@127.0.0.1:{find_free_port()}/d"
    with running(tmp_path / "data", DATABASE_URL=url) as run:
        assert run.process.wait(END_SECONDS) == 1
        assert "DATABASE_URL" in run.read_log()
        assert "Traceback" not in run.read_log()
        assert "hunter2" not in run.read_log()


def test_taken_port_gets_a_sentence(tmp_path: Path) -> None:
    """The one line that is printed names the port, before anything has been started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path / "data", PORT=str(port)) as run:
            assert run.process.wait(END_SECONDS) == 1
            assert run.read_log().startswith(f"Port {port} is taken")
            assert run.read_log().count("\n") == 1
            assert not run.folder.exists()
