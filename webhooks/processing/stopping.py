"""Let the processes of a worker know that it is to end, so that they begin nothing more.

Celery tells its main process alone, and waits for the others to finish their tasks. These run on
with one effect after another, and so does the next task that has been fetched already.
"""

import mmap
import time

STEP = 0.2
"""Seconds after which who sleeps looks whether to go on."""

# Memory that a process shares with all that are forked from it; a flag of Python's would be each
# one's own, and a lock could be held by a process that is killed.
_memory = mmap.mmap(-1, 1)


def end_soon() -> None:
    """Have this process, and all that were forked from it, begin nothing more."""
    _memory[0] = 1


def go_on() -> None:
    """Take that back."""
    _memory[0] = 0


def is_ending() -> bool:
    """Tell whether nothing more is to be begun; asked before each effect and batch of events."""
    return bool(_memory[0])


def sleep(seconds: float) -> None:
    """Sleep so long, or until the worker is to end."""
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0 and not is_ending():
        time.sleep(min(left, STEP))
