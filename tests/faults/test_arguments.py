"""The command line chooses what is run."""

from pathlib import Path

import pytest

from tests.faults.arguments import CONTROL, choose_brokers, plan_jobs, read_arguments
from tests.faults.bugs import BUGS
from tests.faults.faults import FAULTS
from tests.faults.run import Job
from tests.faults.servers.brokers import BROKERS

FOLDER = Path("report")


def plan(*arguments: str) -> list[Job]:
    """Return what the arguments choose."""
    options = read_arguments(arguments)
    return plan_jobs(options, 1, FOLDER, choose_brokers(options))


def test_a_hundred_thousand_events_with_every_fault_on_the_default_broker() -> None:
    """Where nothing is chosen."""
    (job,) = plan()
    assert (job.broker, job.events, job.bug) == ("pgmq", 100_000, "")
    assert [fault.name for fault in job.faults] == list(FAULTS)


def test_all_brokers_are_run_one_after_the_other() -> None:
    """Each with a folder of its own."""
    jobs = plan("--broker", "all", "--faults", "beat_dead,deploy", "--events", "500")
    assert [job.broker for job in jobs] == list(BROKERS)
    assert {job.folder for job in jobs} == {FOLDER / broker for broker in BROKERS}
    assert {tuple(fault.name for fault in job.faults) for job in jobs} == {("beat_dead", "deploy")}


def test_ci_runs_every_fault_once_over_the_three_brokers() -> None:
    """With few events."""
    jobs = plan("--ci")
    assert [job.broker for job in jobs] == list(BROKERS)
    assert sorted(fault.name for job in jobs for fault in job.faults) == sorted(FAULTS)
    assert all(job.is_short and job.events <= 1000 for job in jobs)


def test_each_bug_is_planted_in_a_run_of_its_own_with_the_faults_that_it_needs() -> None:
    """And in a short one."""
    _, *jobs = plan("--bug", "all")
    assert [job.bug for job in jobs] == list(BUGS)
    for job in jobs:
        assert tuple(fault.name for fault in job.faults) == BUGS[job.bug].faults
        assert job.is_short


def test_bugs_are_preceded_by_a_run_without_one_and_with_all_of_their_faults() -> None:
    """What is found there is no bug's."""
    control, *_ = plan("--bug", "all")
    assert (control.bug, control.folder) == ("", FOLDER / CONTROL)
    names = [fault.name for fault in control.faults]
    assert sorted(names) == sorted({fault for bug in BUGS.values() for fault in bug.faults})
    control, only = plan("--bug", "ack_before_commit")
    assert {fault.name for fault in control.faults} == {fault.name for fault in only.faults}


def test_faults_are_shared_among_the_brokers_that_are_there() -> None:
    """Each of them once, all the same."""
    jobs = plan_jobs(read_arguments(["--ci"]), 1, FOLDER, ["pgmq", "rabbitmq"])
    assert [job.broker for job in jobs] == ["pgmq", "rabbitmq"]
    assert sorted(fault.name for job in jobs for fault in job.faults) == sorted(FAULTS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ci", "--broker", "redis"],
        ["--ci", "--events", "10"],
        ["--ci", "--bug", "all"],
        ["--bug", "all", "--faults", "deploy"],
        ["--bug", "all", "--broker", "all"],
        ["--rate", "0"],
        ["--events", "-1"],
    ],
)
def test_what_makes_no_sense_ends_the_command(arguments: list[str]) -> None:
    """Rather than leave an option out without a word."""
    with pytest.raises(SystemExit) as end:
        read_arguments(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize(
    "arguments", [["--faults", "flood"], ["--bug", "typo"], ["--broker", "kafka"]]
)
def test_name_that_there_is_not_ends_the_command(arguments: list[str]) -> None:
    """Before anything is started."""
    with pytest.raises(SystemExit) as end:
        read_arguments(arguments)
    assert end.value.code == 2


def test_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    """A run beside the logs of another would be reckoned with them."""
    read_arguments(["--folder", str(tmp_path)])
    (tmp_path / "report.txt").touch()
    with pytest.raises(SystemExit):
        read_arguments(["--folder", str(tmp_path)])
