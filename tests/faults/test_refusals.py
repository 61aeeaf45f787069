"""What the door must not notice is found where it does."""

from tests.faults.faults import FAULTS
from tests.faults.refusals import find_refusals
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
        (finding,) = find_refusals(tries, [BROKER_DEAD])
        assert finding.kind == "refused"
        assert "5 of 55" in finding.text


def test_deliveries_that_fail_with_postgres_are_not_found() -> None:
    """Before, while and shortly after it is broken: then 503 is the right answer."""
    postgres = Incident(FAULTS["postgres_restarted"], 101.0, 103.0)
    tries = build_tries(202, 50, 102.0) + build_tries(503, 5, 102.0) + build_tries(503, 5, 109.0)
    assert list(find_refusals(tries, [BROKER_DEAD, postgres])) == []


def test_a_few_that_fail_on_a_busy_machine_are_not_found() -> None:
    """Nor what fails when nothing is broken."""
    tries = build_tries(202, 50, 102.0) + build_tries(0, 2, 103.0) + build_tries(503, 5, 150.0)
    assert list(find_refusals(tries, [BROKER_DEAD])) == []
