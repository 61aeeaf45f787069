"""Loaded by Python at the start of each process whose clock libfaketime steps.

Python sleeps until a time of the monotonic clock. libfaketime 0.9.10, told to leave that clock
alone, makes the system call fail (EINVAL). Waiting for nothing on a file is the same sleep
without that call.
"""

# ruff: noqa: INP001 -- its folder is put on the path, and no package
import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex, /) -> None:
    """Sleep as `time.sleep` does."""
    duration = float(seconds)
    if duration < 0:
        raise ValueError("sleep length must be non-negative")
    # Takes an interrupted wait up again, as `time.sleep` does.
    select.select([], [], [], duration)


time.sleep = sleep
