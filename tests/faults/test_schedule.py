"""Plans of faults, and the breaker that carries them out."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.faults import FAULTS, Fault
from tests.faults.schedule import Breaker, Turn, plan_alone, plan_at_random
from tests.faults.world import World

ALL = tuple(FAULTS.values())
WORLD = cast("World", None)
"""The faults of these tests break nothing."""


def build_fault(name: str, happened: list[str], error: Exception | None = None) -> Fault:
    """Return a fault that only notes what happens."""

    @contextmanager
    def breaking(_world: World) -> Iterator[None]:
        happened.append(f"{name} broken")
        if error is not None:
            raise error
        yield
        happened.append(f"{name} mended")

    return Fault(name, 0.0, frozenset({name}), breaking, False, lambda _world: "")


def test_each_fault_alone_begins_when_the_one_before_has_been_mended_for_the_gap() -> None:
    """Turns follow each other in the order given, with the gap between them."""
    turns = plan_alone(ALL, start=3, gap=5)
    assert [turn.fault for turn in turns] == list(ALL)
    assert turns[0].begins_at == 3
    for earlier, later in itertools.pairwise(turns):
        assert later.begins_at == earlier.ends_at + 5


def test_a_longer_run_lengthens_only_the_faults_whose_length_is_a_matter_of_choice() -> None:
    """A worker is frozen for as long as its lease asks for; a broker is dead for longer."""
    lengths = {turn.fault.name: turn.seconds for turn in plan_alone(ALL, 0, 0, scale=10)}
    assert lengths["broker_killed"] == FAULTS["broker_killed"].seconds * 10
    assert lengths["worker_frozen"] == FAULTS["worker_frozen"].seconds


@given(seed=st.integers(0, 2**32), length=st.floats(0, 400))
@settings(max_examples=50)
def test_faults_at_random_never_overlap_on_the_same_part_and_end_in_time(
    seed: int, length: float
) -> None:
    """Of any two turns with a part in common, one has ended when the other begins."""
    turns = plan_at_random(ALL, seed, 10, 10 + length)
    for number, earlier in enumerate(turns):
        assert 10 <= earlier.begins_at <= earlier.ends_at <= 10 + length
        for later in turns[number + 1 :]:
            if earlier.fault.breaks & later.fault.breaks:
                assert later.begins_at >= earlier.ends_at


def test_the_same_seed_gives_the_same_plan_and_another_gives_another() -> None:
    """A run at random can be repeated from the seed that it printed."""
    assert plan_at_random(ALL, 1, 0, 120) == plan_at_random(ALL, 1, 0, 120)
    assert plan_at_random(ALL, 1, 0, 120) != plan_at_random(ALL, 2, 0, 120)


def test_several_faults_come_at_once_at_random_and_each_of_them_in_time() -> None:
    """Given enough time every fault has a turn, and some of them overlap."""
    turns = plan_at_random(ALL, 1, 0, 2000)
    assert {turn.fault for turn in turns} == set(ALL)
    assert any(
        earlier.begins_at < later.begins_at < earlier.ends_at
        for earlier in turns
        for later in turns
    )


def test_the_breaker_breaks_and_mends_in_the_order_of_the_plan() -> None:
    """Each turn is broken and mended, and recorded with its times."""
    happened: list[str] = []
    turns = [Turn(build_fault("one", happened), 0, 0.1), Turn(build_fault("two", happened), 0.3, 0)]
    breaker = Breaker(WORLD, turns)
    breaker.start()
    assert breaker.join(5)
    assert happened == ["one broken", "one mended", "two broken", "two mended"]
    one, two = breaker.incidents
    assert (one.fault.name, two.fault.name) == ("one", "two")
    assert one.began + 0.1 <= one.ended <= two.began
    assert not breaker.active


def test_a_fault_that_cannot_be_begun_is_noted_and_stops_no_other() -> None:
    """The run goes on, and its report can say what went wrong."""
    happened: list[str] = []
    turns = [
        Turn(build_fault("one", happened, OSError("no")), 0, 0),
        Turn(build_fault("two", happened), 0.1, 0),
    ]
    breaker = Breaker(WORLD, turns)
    breaker.start()
    assert breaker.join(5)
    assert [incident.note for incident in breaker.incidents] == ["OSError: no", ""]
    assert happened[-1] == "two mended"


def test_stopping_mends_at_once_what_is_broken_and_begins_nothing_more() -> None:
    """Ctrl-C leaves nothing broken."""
    happened: list[str] = []
    turns = [
        Turn(build_fault("one", happened), 0, 60),
        Turn(build_fault("two", happened), 60, 60),
    ]
    breaker = Breaker(WORLD, turns)
    breaker.start()
    while not breaker.active:
        time.sleep(0.01)
    stopper = threading.Thread(target=breaker.stop)
    stopper.start()
    stopper.join(5)
    assert not stopper.is_alive()
    assert happened == ["one broken", "one mended"]
