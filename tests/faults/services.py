"""One process of the product, kept running as systemd does with `Restart=always`."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.trees import (
    find_children,
    freeze_tree,
    is_group_alive,
    kill_tree,
    signal_group,
    thaw_tree,
)
from tests.processes import BASE_DIR

PAUSE = 0.5
"""Seconds between the end of a process and its next start."""

STOP_SECONDS = 40.0
"""How long a SIGTERM is given; longer than gunicorn's and Celery's own grace."""

CLEARING_SECONDS = 2.0
"""How long what outlived its parent is given after a SIGTERM, before the next start."""


class Service:
    """A command that is started again whenever it ends, until it is told to stay down.

    All methods may be called from any thread. `restarts` counts the starts that nobody asked for;
    `pid` is the latest process's, which may have ended just now. `added` is what each further start
    has in its environment beside the usual.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self.restarts = 0
        self.added: Mapping[str, str] = {}
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = threading.Event()
        self._is_retired = False
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._is_cleared = False
        """Whether nothing is left of the latest process: its id may be somebody else's by now."""

    @property
    def pid(self) -> int:
        """The id of the main process."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the main process runs, be it frozen."""
        return self._process is not None and self._process.poll() is None

    def children(self) -> list[int]:
        """Return the ids of gunicorn's workers or of a pool's processes, the oldest first."""
        return find_children(self.pid)

    def start(self) -> None:
        """Start it, and keep it running from now on; nothing where it is, or is retired."""
        with self._lock:
            if self._is_wanted.is_set() or self._is_retired:
                return
            self._is_wanted.set()
            self._launch()
        self._watcher = threading.Thread(target=self._watch, name=f"watch {self.name}", daemon=True)
        self._watcher.start()

    def retire(self) -> None:
        """Have it never started again, whoever asks for it: the run is over."""
        with self._lock:
            self._is_retired = True
            self._is_wanted.clear()

    def kill(self) -> None:
        """End the main process and all that it has started by SIGKILL; it is started again."""
        if self.is_running:
            kill_tree(self.pid)

    def kill_main(self) -> bool:
        """End the main process alone by SIGKILL; it is started again. Tell whether it was there."""
        if not self.is_running:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return True

    def kill_child(self, pid: int) -> bool:
        """End this child by SIGKILL; tell whether it was there."""
        if pid not in self.children():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def freeze(self) -> None:
        """Stop it and all that it has started by SIGSTOP."""
        if self.is_running:
            freeze_tree(self.pid)

    def thaw(self) -> None:
        """Let it go on by SIGCONT."""
        if self.is_running:
            thaw_tree(self.pid)

    def thaw_children(self) -> None:
        """Let all that it has started go on, and not itself."""
        for pid in self.children():
            thaw_tree(pid)

    def terminate(self, seconds: float = STOP_SECONDS) -> float:
        """End it by SIGTERM as a deploy does, and keep it down; return the seconds it took.

        What does not end within `seconds` is ended by SIGKILL.
        """
        began = time.monotonic()
        self._end(signal.SIGTERM, seconds)
        return time.monotonic() - began

    def restart(self) -> None:
        """End it as a deploy does, and start it again."""
        self.terminate()
        self.start()

    def put_down(self) -> None:
        """End it and all that it has started by SIGKILL, and keep it down until `start`."""
        self._end(signal.SIGKILL, 0)

    def _end(self, signum: signal.Signals, seconds: float) -> None:
        with self._lock:  # from here on, the watcher starts nothing any more
            self._is_wanted.clear()
        if self._process is not None and not self._is_cleared:
            if self.is_running:
                thaw_tree(self.pid)  # a frozen process heeds no SIGTERM
                if signum == signal.SIGTERM:
                    self._process.terminate()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(seconds)
            if self.is_running:
                kill_tree(self.pid)
            self._process.wait()
            self._clear()
        if self._watcher is not None:
            self._watcher.join()

    def _launch(self) -> None:
        self._is_cleared = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=BASE_DIR,
                env=self._environment | dict(self.added),
                start_new_session=True,
            )

    def _watch(self) -> None:
        """Start it again whenever it has ended, as long as it is wanted."""
        while self._is_wanted.is_set():
            assert self._process is not None
            self._process.wait()
            if not self._is_wanted.is_set():
                return
            self._clear()
            time.sleep(PAUSE)
            with self._lock:
                if self._is_wanted.is_set():
                    self.restarts += 1
                    self._launch()

    def _clear(self) -> None:
        """End what outlived its parent: systemd leaves nothing of a service before it starts it."""
        deadline = time.monotonic() + CLEARING_SECONDS
        for signum in (signal.SIGCONT, signal.SIGTERM):
            signal_group(self.pid, signum)
        while is_group_alive(self.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        signal_group(self.pid, signal.SIGKILL)
        self._is_cleared = True
