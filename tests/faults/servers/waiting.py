"""Waiting for a server that has just been started."""

import time
from collections.abc import Callable

WAIT_SECONDS = 60.0


def wait_until(answers: Callable[[], bool], name: str, seconds: float = WAIT_SECONDS) -> None:
    """Return when `answers` says so; an OSError of it means not yet. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answers():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{name} did not answer within {seconds:g} s")
