"""The sender's process, as the harness holds it."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.faults.traffic import Traffic
from tests.processes import BASE_DIR

STOP_SECONDS = 10.0


class Sender:
    """Sends `traffic` to `url` from a process of its own, and writes each try into `log`."""

    def __init__(self, url: str, secret: str, traffic: Traffic, folder: Path) -> None:
        self.log = folder / "sender.tsv"
        self._errors = folder / "sender.log"
        self._job = {
            "url": url,
            "secret": secret,
            "log": str(self.log),
            "seed": traffic.seed,
            "events": traffic.events,
            "rate": traffic.rate,
            "epoch": traffic.epoch,
            "bursts": traffic.bursts,
        }
        self._markers: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; the first delivery is due at the traffic's epoch."""
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.sender"],
                cwd=BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for the harness, which ends it in its turn
            )
        self._tell(self._job)

    def poison(self, markers: tuple[str, ...]) -> None:
        """Send poisoned events, too, with these markers by turns; none ends it.

        A sender that is done already has nothing left that could be poisoned.
        """
        if markers != self._markers:
            self._markers = markers
            with suppress(BrokenPipeError):
                self._tell({"markers": markers})

    @property
    def is_done(self) -> bool:
        """Whether all has been acknowledged; raises AssertionError where it broke down instead."""
        assert self._process is not None
        status = self._process.poll()
        assert not status, f"the sender broke down:\n{self._errors.read_text()}"
        return status == 0

    def stop(self) -> None:
        """End it, whatever has not been acknowledged."""
        if self._process is None:
            return
        if self._process.poll() is None:
            try:
                self._tell({"stop": True})
                self._process.wait(STOP_SECONDS)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            # What could not be told any more is told once more on closing.
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
