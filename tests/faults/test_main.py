"""How a run with a bug is judged, and how a run is ended from outside."""

import signal
from dataclasses import replace

import pytest

from tests.faults.__main__ import SIGNALS, Ending, is_as_expected
from tests.faults.finding import Finding, Kind
from tests.faults.outcome import Outcome
from tests.faults.stories import tell_story


def build_outcome(bug: str, *kinds: Kind) -> Outcome:
    """Return a run with the bug in which something of each kind was found."""
    findings = tuple(Finding(kind, "something") for kind in kinds)
    return Outcome(
        broker="pgmq",
        seed=1,
        bug=bug,
        rate=20.0,
        seconds=30.0,
        samples=(),
        incidents=(),
        reckoning=replace(tell_story().reckon(), findings=findings),
        is_quiet=True,
        obstacles={},
        p99=0.1,
    )


def test_bug_is_caught_by_what_it_brings_about_and_by_nothing_else() -> None:
    """A finding of another kind may come of something else."""
    assert is_as_expected(build_outcome("usage_without_business_key", "doubled"))
    assert not is_as_expected(build_outcome("usage_without_business_key", "not_broken", "refused"))
    assert not is_as_expected(build_outcome("usage_without_business_key"))


def test_run_without_a_bug_has_to_be_well() -> None:
    """Or a finding in those with one says nothing."""
    assert is_as_expected(build_outcome(""))
    assert not is_as_expected(build_outcome("", "doubled"))


def test_run_is_unwound_at_the_first_and_second_time_and_not_interrupted_at_the_third(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is on its way to the end is not left half ended."""
    ending = Ending()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            ending(signal.SIGINT, None)
    ending(signal.SIGINT, None)
    assert capsys.readouterr().err.count("a moment") == 3


def test_closed_terminal_ends_a_run_too() -> None:
    """It would otherwise end the harness alone, and leave the product running."""
    assert signal.SIGHUP in SIGNALS
