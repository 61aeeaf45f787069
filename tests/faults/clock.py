"""The clock of the product's processes, which can be stepped while they run.

By libfaketime (Debian package `faketime`), preloaded into gunicorn, the workers and beat, with a
file that it reads once a second; only for as long as their clock is to be stepped, for it makes
them several times as expensive. Clocks that only ever go forward are left alone, as a step leaves
them alone on a real machine.

Postgres has its true clock. All that the product decides by time is decided by the clock of
Postgres, so that the machines' own clocks need not agree with it or each other; this is what
the fault puts to the proof. Were Postgres's own clock to step forward, every lease would end at
once, under workers that go on: which its operators prevent by slewing clocks instead of stepping.
"""

import contextlib
import os
from pathlib import Path

import psutil

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)
STEPPING = Path(__file__).parent / "stepping"
"""Holds a `sitecustomize` without which libfaketime breaks Python's `time.sleep`."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- libfaketime's own place


def find_library() -> str:
    """Return libfaketime's path, or an empty text where it is not installed."""
    return next((path for path in LIBRARIES if Path(path).exists()), "")


class Clock:
    """The processes' clock; true until it is stepped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._library = find_library()
        self.step(0)

    @property
    def can_step(self) -> bool:
        """Whether libfaketime is installed."""
        return bool(self._library)

    def build_environment(self) -> dict[str, str]:
        """Return what has to be in the environment of the processes from their start."""
        if not self.can_step:
            return {}
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(STEPPING),
        }

    def step(self, seconds: int) -> None:
        """Have the processes' clock differ from the true one by so much, within a second."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)  # whole or not at all, for whoever reads it just now


def remove_traces() -> None:
    """Remove what libfaketime has left in shared memory for processes of ours that were killed."""
    for pattern in ("faketime_shm_*", "sem.faketime_sem_*"):
        for trace in SHARED_MEMORY.glob(pattern):
            pid = trace.name.rpartition("_")[2]
            if not pid.isdigit() or psutil.pid_exists(int(pid)):
                continue
            with contextlib.suppress(OSError):  # another run may have removed it just now
                if trace.stat().st_uid == os.getuid():
                    trace.unlink()
