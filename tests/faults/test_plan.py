"""A run's script gives every fault its turn, in the time that there is."""

import itertools

import pytest

from tests.faults.faults import FAULTS
from tests.faults.plan import (
    LONGEST_SCALE,
    SHORTEST_GAP,
    WARM_UP,
    Script,
    plan_long,
    plan_short,
    settle,
    share_out,
    weigh,
)
from tests.faults.world import BROKERS

ALL = list(FAULTS.values())
SCRIPT = plan_long(ALL, events=100_000, rate=80, seed=1)


def split(script: Script) -> tuple[list[str], list[str]]:
    """Return the names of the faults that come alone, and of those that come at random."""
    alone = [one.fault.name for one in script.turns if one.begins_at < script.alone_until]
    together = [one.fault.name for one in script.turns if one.begins_at >= script.alone_until]
    return alone, together


def test_long_run_has_each_fault_alone_and_then_all_at_random() -> None:
    """In the order of the list, with quiet before, between and after."""
    alone, together = split(SCRIPT)
    assert alone == list(FAULTS)
    assert len(together) > len(FAULTS)
    turns = SCRIPT.turns[: len(alone)]
    assert turns[0].begins_at >= WARM_UP
    for one, following in itertools.pairwise(turns):
        assert following.begins_at >= one.ends_at + settle(one.fault) + SHORTEST_GAP - 0.01
    assert SCRIPT.turns[-1].ends_at <= SCRIPT.seconds
    assert SCRIPT.seconds == 100_000 / 80


def test_fault_lasts_longer_in_a_longer_run_where_that_is_a_matter_of_choice() -> None:
    """For minutes instead of seconds; a frozen worker's time hangs on the lease."""
    lasts = {one.fault.name: one.seconds for one in SCRIPT.turns[: len(FAULTS)]}
    assert lasts["worker_frozen"] == FAULTS["worker_frozen"].seconds
    scale = lasts["downstream_dead"] / FAULTS["downstream_dead"].seconds
    assert 3 < scale <= LONGEST_SCALE


def test_rate_is_lowered_where_there_is_no_time_for_all_faults() -> None:
    """Rather than leave some out."""
    script = plan_long(ALL, events=1000, rate=80, seed=1)
    assert split(script)[0] == list(FAULTS)
    assert script.rate == pytest.approx(1000 / script.seconds)
    assert script.rate < 80


def test_single_fault_comes_once_and_no_fault_means_none() -> None:
    """For a look at one of them."""
    script = plan_long([FAULTS["beat_dead"]], events=3000, rate=50, seed=1)
    assert [one.fault.name for one in script.turns] == ["beat_dead"]
    assert plan_long([], events=3000, rate=50, seed=1).turns == ()


def test_deploy_comes_in_the_middle_of_a_burst() -> None:
    """In a long run and in a short one."""
    for script in (SCRIPT, plan_short(ALL, events=1000, rate=30, seed=1)):
        turn = next(one for one in script.turns if one.fault.name == "deploy")
        assert any(begins < turn.begins_at < begins + lasts for begins, lasts, _ in script.bursts)


def test_short_run_has_each_fault_once_and_none_breaks_what_is_broken() -> None:
    """Others may overlap."""
    turns = plan_short(ALL, events=1000, rate=30, seed=1).turns
    assert sorted(one.fault.name for one in turns) == sorted(FAULTS)
    for one in turns:
        for other in turns:
            if one is other or not one.fault.breaks & other.fault.breaks:
                continue
            assert one.ends_at <= other.begins_at or other.ends_at <= one.begins_at


def test_every_fault_comes_with_some_broker_and_all_take_about_as_long() -> None:
    """In CI, where the brokers share them."""
    shares = share_out(ALL, BROKERS)
    assert sorted(one.name for share in shares.values() for one in share) == sorted(FAULTS)
    lengths = [sum(map(weigh, share)) for share in shares.values()]
    assert max(lengths) - min(lengths) < 15


def test_same_seed_gives_the_same_script() -> None:
    """To have a run again."""
    assert plan_long(ALL, 100_000, 80, 1) == SCRIPT
    assert plan_long(ALL, 100_000, 80, 2) != SCRIPT
