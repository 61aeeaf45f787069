"""Process trees: a process with all that it has started, whatever group or session they are in.

Postgres's servers and Erlang's helpers leave their parent's group, so a group is not enough.
"""

import contextlib
import os
import signal

import psutil

ROUNDS = 20
"""How often a tree is looked through for what was started meanwhile."""


def find_tree(pid: int) -> list[psutil.Process]:
    """Return the process and its descendants, parents first; none if it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def find_children(pid: int) -> list[int]:
    """Return the ids of the processes that `pid` itself has started, the oldest first."""
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    return [
        child.pid for child in sorted(children, key=lambda child: (child.create_time(), child.pid))
    ]


def freeze_tree(pid: int) -> None:
    """Stop the whole tree by SIGSTOP; parents first, so that it does not grow meanwhile."""
    frozen: set[int] = set()
    for _ in range(ROUNDS):
        new = [process for process in find_tree(pid) if process.pid not in frozen]
        if not new:
            return
        for process in new:
            send(process, signal.SIGSTOP)
            frozen.add(process.pid)


def thaw_tree(pid: int) -> None:
    """Let the whole tree go on by SIGCONT; children first, so that parents find them alive."""
    for process in reversed(find_tree(pid)):
        send(process, signal.SIGCONT)


def kill_tree(pid: int) -> None:
    """End the whole tree by SIGKILL."""
    for process in find_tree(pid):
        send(process, signal.SIGKILL)


def is_group_alive(group: int) -> bool:
    """Tell whether a process of the group runs; one that only waits to be reaped does not."""
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def signal_group(group: int, signum: signal.Signals) -> None:
    """Send the signal to all processes of the group; a group that has ended needs none."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signum)


def send(process: psutil.Process, signum: signal.Signals) -> None:
    """Send the signal; a process that has ended meanwhile needs none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signum)
