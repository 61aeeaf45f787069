"""A fault that was not carried out is found, for the run says nothing about it."""

from tests.faults.faults import FAULTS
from tests.faults.schedule import Incident
from tests.faults.unbroken import find_obstructed, find_unbroken


def happen(name: str, note: str = "", *, was_broken: bool = True) -> Incident:
    """Return an incident of the fault."""
    return Incident(FAULTS[name], 1.0, 2.0, note, was_broken)


def find(*incidents: Incident, poisoned: int = 0) -> list[str]:
    """Return what is found where these two were planned."""
    found = find_unbroken(["worker_killed", "deploy"], incidents, poisoned)
    return [finding.text for finding in found]


def test_nothing_is_found_where_each_fault_came_about() -> None:
    """Once is enough, where another fault took away what it would have hit otherwise."""
    missed = happen("worker_killed", "NotBroken: nobody", was_broken=False)
    assert find(happen("worker_killed"), happen("deploy"), missed) == []


def test_fault_without_a_turn_is_found() -> None:
    """The run was too short for it."""
    assert find(happen("deploy")) == ["worker_killed never had its turn"]


def test_fault_that_hit_nothing_is_found() -> None:
    """With the reason."""
    missed = happen("worker_killed", "NotBroken: nobody", was_broken=False)
    assert find(missed, happen("deploy")) == [
        "worker_killed was not carried out: NotBroken: nobody"
    ]


def test_fault_that_was_not_mended_is_found_however_often_it_was_otherwise() -> None:
    """What stays broken is not what the rest of the run is about."""
    (text,) = find(
        happen("deploy", "TimeoutError: never"), happen("deploy"), happen("worker_killed")
    )
    assert text == "deploy was not mended: TimeoutError: never"


def test_poison_that_was_never_sent_is_found() -> None:
    """The fault only asks the sender for it."""
    assert len(list(find_unbroken(["poison_event"], [happen("poison_event")], 0))) == 1
    assert list(find_unbroken(["poison_event"], [happen("poison_event")], 3)) == []


def test_obstacle_is_found_with_its_reason() -> None:
    """In a run that must leave nothing out."""
    (finding,) = find_obstructed({"clock_stepped": "libfaketime is missing"})
    assert finding.kind == "not_broken"
    assert "libfaketime" in finding.text
