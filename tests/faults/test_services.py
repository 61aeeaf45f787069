"""Services that come back by themselves, and what can be done to them."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.services import Service

PARENT = """
import os, signal, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    while True:
        time.sleep(0.1)
print("started", flush=True)
while True:
    time.sleep(0.1)
"""


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Run a process with one child."""
    command = [sys.executable, "-c", PARENT]
    running = Service("parent", command, os.environ, tmp_path / "parent.log")
    running.start()
    wait_for(running.children)
    yield running
    running.put_down()


def is_stopped(pid: int) -> bool:
    """Tell whether the process was stopped by SIGSTOP."""
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def is_gone(pid: int) -> bool:
    """Tell whether the process has ended."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_service_ends_with_its_children_and_is_started_again(service: Service) -> None:
    """What was killed comes back as another process; nothing of the old one is left."""
    before, child = service.pid, service.children()[0]
    service.kill()
    wait_for(lambda: service.pid != before and service.children())
    assert is_gone(child)
    assert service.restarts == 1


def test_what_outlives_a_killed_main_process_is_cleared_away(service: Service) -> None:
    """The next start finds neither ports nor work taken."""
    before, child = service.pid, service.children()[0]
    service.kill_main()
    wait_for(lambda: service.pid != before)
    assert is_gone(child)


def test_killing_a_child_leaves_the_main_process_alone(service: Service) -> None:
    """It is for the main process to replace it."""
    before, child = service.pid, service.children()[0]
    assert service.kill_child(child)
    wait_for(lambda: is_gone(child))
    assert service.pid == before
    assert service.is_running


def test_a_frozen_service_stands_still_with_its_children_until_it_is_thawed(
    service: Service,
) -> None:
    """SIGSTOP and SIGCONT reach all of it."""
    pids = [service.pid, *service.children()]
    service.freeze()
    wait_for(lambda: all(is_stopped(pid) for pid in pids))
    service.thaw()
    wait_for(lambda: not any(is_stopped(pid) for pid in pids))


def test_the_children_of_a_frozen_service_can_go_on_before_it(service: Service) -> None:
    """So that they have the time to do what it would keep them from."""
    (child,) = service.children()
    service.freeze()
    wait_for(lambda: is_stopped(service.pid) and is_stopped(child))
    service.thaw_children()
    wait_for(lambda: not is_stopped(child))
    assert is_stopped(service.pid)
    service.thaw()
    wait_for(lambda: not is_stopped(service.pid))


def test_a_retired_service_is_never_started_again(service: Service) -> None:
    """Neither by its watcher nor by a fault that still mends when the run is over."""
    service.retire()
    service.put_down()
    service.start()
    service.restart()
    time.sleep(1)
    assert not service.is_running


def test_what_is_not_there_is_not_said_to_be_killed(service: Service) -> None:
    """A fault has to know that it hit nothing."""
    assert not service.kill_child(os.getpid())
    service.put_down()
    assert not service.kill_main()


def test_a_terminated_service_stays_down_until_it_is_started(service: Service) -> None:
    """A deploy decides when the new one begins."""
    before = service.pid
    service.terminate()
    time.sleep(1)
    assert not service.is_running
    assert service.pid == before
    service.start()
    wait_for(service.children)
    assert service.restarts == 0


def test_a_frozen_service_can_be_terminated(service: Service) -> None:
    """The end of a run does not hang on a fault that was cut short."""
    service.freeze()
    assert service.terminate(10) < 10
    assert not service.is_running


def test_a_service_that_heeds_no_sigterm_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    """The end of a run does not hang on the product either."""
    command = [sys.executable, "-c", PARENT, "deaf"]
    service = Service("deaf", command, os.environ, tmp_path / "deaf.log")
    service.start()
    try:
        wait_for(lambda: "started" in service.log.read_text())
        assert 0.5 <= service.terminate(0.5) < 10
        assert not service.is_running
    finally:
        service.put_down()


def test_what_a_service_says_is_added_to_its_log_at_each_start(service: Service) -> None:
    """A restart does not wipe out why it was needed."""
    os.kill(service.pid, signal.SIGKILL)
    wait_for(lambda: service.log.read_text().count("started") == 2)


def test_what_is_added_to_the_environment_is_there_at_each_further_start(service: Service) -> None:
    """Whoever starts it, until it is taken away again."""
    before = service.pid
    service.added = {"STEPPED": "yes"}
    assert "STEPPED" not in psutil.Process(before).environ()
    service.restart()
    wait_for(service.children)
    assert psutil.Process(service.pid).environ()["STEPPED"] == "yes"
    restarted = service.pid
    service.kill()
    wait_for(lambda: service.pid != restarted and service.children())
    assert psutil.Process(service.pid).environ()["STEPPED"] == "yes"
    service.added = {}
    service.restart()
    wait_for(service.children)
    assert "STEPPED" not in psutil.Process(service.pid).environ()
