"""Plans of faults, and the breaker that carries them out."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.fault import Fault
from tests.faults.faults import FAULTS
from tests.faults.schedule import PULSE, Breaker, Incident, Turn, plan_at_random
from tests.faults.world import World

ALL = tuple(FAULTS.values())
WORLD = cast("World", None)
"""The faults of these tests break nothing."""


def build_fault(
    name: str, happened: list[str], error: Exception | None = None, part: str = ""
) -> Fault:
    """Return a fault that only notes what happens."""

    @contextmanager
    def breaking(_world: World) -> Iterator[None]:
        happened.append(f"{name} broken")
        if error is not None:
            raise error
        yield
        happened.append(f"{name} mended")

    return Fault(name, 0.0, frozenset({part or name}), breaking, False, lambda _world: "")


def start(
    *together: Turn,
    alone: Sequence[Turn] = (),
    alone_until: float = 0,
    until: float = 1000,
    recovers_after: int = 1,
) -> Breaker:
    """Start a breaker; all is well when it has been asked for so often after an incident."""
    asked: Counter[int] = Counter()

    def has_recovered(incidents: Sequence[Incident]) -> bool:
        asked[len(incidents)] += 1
        return asked[len(incidents)] >= recovers_after

    breaker = Breaker(WORLD, alone, alone_until, together, until, has_recovered)
    breaker.start()
    return breaker


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
    breaker = start(*turns)
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
    breaker = start(*turns)
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
    breaker = start(*turns)
    while not breaker.active:
        time.sleep(0.01)
    stopper = threading.Thread(target=breaker.stop)
    stopper.start()
    stopper.join(5)
    assert not stopper.is_alive()
    assert happened == ["one broken", "one mended"]


def test_fault_that_comes_alone_begins_as_soon_as_the_one_before_has_recovered() -> None:
    """And those that come together when the last of these has."""
    happened: list[str] = []
    alone = [Turn(build_fault("one", happened), 0.1, 0), Turn(build_fault("two", happened), 30, 0)]
    breaker = start(
        Turn(build_fault("three", happened), 0, 0), alone=alone, alone_until=60, recovers_after=2
    )
    assert breaker.join(10)
    one, two, three = breaker.incidents
    assert [incident.fault.name for incident in (one, two, three)] == ["one", "two", "three"]
    assert 2 * PULSE <= two.began - one.ended < 3 * PULSE
    assert 2 * PULSE <= three.began - two.ended < 3 * PULSE


def test_fault_that_comes_alone_begins_as_planned_where_the_one_before_never_recovers() -> None:
    """So that a product that does not come back has its whole run all the same."""
    happened: list[str] = []
    alone = [Turn(build_fault("one", happened), 0, 0), Turn(build_fault("two", happened), 1.5, 0)]
    breaker = start(alone=alone, alone_until=2, recovers_after=1000)
    assert breaker.join(10)
    one, two = breaker.incidents
    assert 0.5 <= two.began - one.began < 3


def test_fault_waits_until_what_it_breaks_is_whole_and_has_no_turn_after_the_end() -> None:
    """However long it takes to mend the one before."""
    happened: list[str] = []
    turns = [
        Turn(build_fault("one", happened, part="web"), 0, 1),
        Turn(build_fault("two", happened, part="web"), 0.3, 0),
        Turn(build_fault("three", happened, part="web"), 0.6, 1),
    ]
    breaker = start(*turns, until=1.8)
    assert breaker.join(10)
    assert happened == ["one broken", "one mended", "two broken", "two mended"]
