"""Keeps the processes of the Procfile running together, and ends them together."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from honcho import manager
from honcho.compat import ProcessManager
from honcho.environ import parse_procfile
from honcho.printer import Printer
from honcho.process import Process

from config.settings.environment import BASE_DIR
from config.welcome import welcome

# honcho's five seconds are less than an idle Celery worker may take to end by itself: its loop
# finishes the two-second wait for messages that it is in, waits once more before it heeds the
# signal, and then its pool's threads each sleep out their turn.
manager.KILL_WAIT = 20
DATABASE_WATCH_SECONDS = 1


def supervise(is_database_running: Callable[[], bool]) -> int:
    """Run the Procfile's processes until one of them ends or a signal comes; end the others too.

    Without their database they end as well. Returns the exit status, as `read_status` has it.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        # Celery warns of root for fear of pickled messages, which it does not accept here.
        "PYTHONWARNINGS": "ignore:You're running the worker",
        # On one's own machine, more would only wait for the same few processors.
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"),
    }
    # What newer Pythons use instead would import the whole application once more for each process.
    multiprocessing.set_start_method("fork", force=True)
    supervisor = Supervisor(is_database_running)
    procfile = parse_procfile((BASE_DIR / "Procfile").read_text())
    for name, command in procfile.processes.items():
        supervisor.add_process(name, f"exec {command}", env=environment, cwd=BASE_DIR)
    supervisor.loop()
    return supervisor.read_status()


class Supervisor(manager.Manager):  # type: ignore[misc] # honcho has no types
    """Honcho's manager, which also welcomes the person who waits, and takes early signals."""

    def __init__(self, is_database_running: Callable[[], bool]) -> None:
        super().__init__(Printer(sys.stdout))
        self._is_database_running = is_database_running
        self._process_ctor = FollowingProcess
        self._procmgr = LeaderFirst()
        self._ending = threading.Event()
        self._welcome = threading.Thread(target=welcome, args=[self._ending], daemon=True)

    def loop(self) -> None:
        """Run until all processes have ended, and the welcome too: it uses the database."""
        super().loop()
        self._ending.set()
        self._welcome.join()

    def terminate(self) -> None:
        """End all processes, as soon as all of them have been started.

        Honcho's own would look up the process id of one that has not been, and fail.
        """
        if not self._ending.is_set():
            self._ending.set()
            self._system_print(
                "stopping; the workers finish what they have begun, which takes some seconds\n"
            )
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()

    def read_status(self) -> int:
        """Return the exit status, once all has ended.

        0 if a signal asked for the end and every process ended well; 130 (Ctrl-C) or 143
        (SIGTERM) if one did not. Otherwise the status of the process that ended first by itself,
        which is a failure whatever that process thinks of it.
        """
        if self.returncode not in {description["rc"] for description in manager.SIGNALS.values()}:
            return int(self.returncode or 1)
        ended_well = all(process["returncode"] == 0 for process in self._processes.values())
        return 0 if ended_well else int(self.returncode)

    def _start(self) -> None:
        super()._start()
        # Only now: threads and forking do not go together.
        self._welcome.start()
        threading.Thread(target=self._watch_database, daemon=True).start()

    def _watch_database(self) -> None:
        while not self._ending.wait(DATABASE_WATCH_SECONDS):
            if not self._is_database_running():
                self._system_print("the embedded Postgres has ended; its log is server.log\n")
                self.returncode = 1
                self.terminate()


class LeaderFirst(ProcessManager):  # type: ignore[misc] # honcho has no types
    """Ends a process by asking it alone; honcho would ask its children at the same time.

    Celery's and gunicorn's main processes let theirs finish what they have begun, and Celery's
    even waits in vain for children that were ended by somebody else.
    """

    def terminate(self, pid: int) -> None:
        """Ask the process `pid` to end. Killing still goes to its children as well."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class FollowingProcess(Process):  # type: ignore[misc] # honcho has no types
    """A process that also ends when the supervisor was killed and could not end it."""

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Run the command; called in a process of its own that honcho forks."""
        threading.Thread(target=self._follow, daemon=True).start()
        super().run(*args, **kwargs)

    def _follow(self) -> None:
        supervisor = multiprocessing.parent_process()
        if supervisor is None:
            return
        supervisor.join()
        with contextlib.suppress(ProcessLookupError):
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(manager.KILL_WAIT)
            os.killpg(self._child.pid, signal.SIGKILL)
        # Nobody reads what this process still has to say: it would wait for that for ever.
        os._exit(1)
