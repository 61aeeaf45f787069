"""What the door must not notice is found where it does."""

from tests.faults.faults import FAULTS
from tests.faults.refusals import JUDGED_AFTER, judge_door
from tests.faults.schedule import Incident
from tests.faults.tries import TIMED_OUT, Try

BROKER_DEAD = Incident(FAULTS["broker_killed"], 100.0, 110.0)


def build_tries(status: int, count: int, at: float) -> list[Try]:
    """Return tries of one second."""
    return [Try("e", 0, False, 1, at, at, at + 0.1, status) for _ in range(count)]


def test_deliveries_that_fail_with_the_broker_are_found() -> None:
    """Refused or not answered."""
    for status in (503, TIMED_OUT):
        tries = build_tries(202, 50, 102.0) + build_tries(status, 5, 103.0)
        judged, (finding,) = judge_door(tries, [BROKER_DEAD])
        assert judged == 55
        assert finding.kind == "refused"
        assert "5 of 55" in finding.text


def test_deliveries_that_fail_with_postgres_are_not_found() -> None:
    """Before, while and shortly after it is broken: then 503 is the right answer."""
    postgres = Incident(FAULTS["postgres_restarted"], 101.0, 103.0)
    tries = build_tries(202, 50, 102.0) + build_tries(503, 5, 102.0) + build_tries(503, 5, 109.0)
    tries += build_tries(202, 50, 100.2)
    assert judge_door(tries, [BROKER_DEAD, postgres]) == (50, ())


def test_a_few_that_fail_on_a_busy_machine_are_not_found() -> None:
    """Nor what fails when nothing is broken."""
    tries = build_tries(202, 50, 102.0) + build_tries(0, 2, 103.0) + build_tries(503, 5, 150.0)
    assert judge_door(tries, [BROKER_DEAD]) == (52, ())


def test_deliveries_that_fail_right_after_it_was_mended_are_found() -> None:
    """What is over at once, such as a worker's death, has its effect afterwards."""
    killed = Incident(FAULTS["worker_killed"], 100.0, 100.1)
    tries = build_tries(503, 5, 100.1 + JUDGED_AFTER - 1) + build_tries(503, 5, 120.0)
    judged, (finding,) = judge_door(tries, [killed])
    assert (judged, finding.kind) == (5, "refused")


def test_nothing_to_judge_by_is_found() -> None:
    """A run in which every try is excused says nothing of the door."""
    postgres = Incident(FAULTS["postgres_hanging"], 100.0, 110.0)
    judged, (finding,) = judge_door(build_tries(202, 50, 105.0), [BROKER_DEAD, postgres])
    assert (judged, finding.kind) == (0, "not_broken")
    assert judge_door([], [postgres]) == (0, ())
