"""A run's script gives every fault its turn, in the time that there is."""

import itertools

import pytest

from tests.faults.fault import BROKER
from tests.faults.faults import FAULTS
from tests.faults.plan import (
    GAP,
    LONGEST_SCALE,
    WARM_UP,
    measure_short,
    plan_long,
    plan_short,
    settle,
    share_out,
)
from tests.faults.refusals import JUDGED_AFTER
from tests.faults.servers.brokers import BROKERS

ALL = list(FAULTS.values())
SCRIPT = plan_long(ALL, events=100_000, rate=80, seed=1)


def test_long_run_has_each_fault_alone_and_then_all_at_random() -> None:
    """With quiet before, and after each the time to recover; the deploy first, in its burst."""
    names = [one.fault.name for one in SCRIPT.alone]
    assert names == ["deploy", *(name for name in FAULTS if name != "deploy")]
    assert SCRIPT.alone[0].begins_at >= WARM_UP
    for one, following in itertools.pairwise(SCRIPT.alone):
        assert following.begins_at >= one.ends_at + settle(one.fault) + GAP - 0.01
    assert SCRIPT.alone[-1].ends_at < SCRIPT.alone_until < SCRIPT.until < SCRIPT.seconds
    assert len(SCRIPT.together) > len(FAULTS)
    assert SCRIPT.seconds == 100_000 / 80


def test_what_stops_all_work_has_time_to_be_caught_up_with() -> None:
    """With an outage of a minute goes more than a minute until the next fault."""
    turns = {one.fault.name: one for one in SCRIPT.alone}
    turn, following = turns["downstream_dead"], turns["poison_event"]
    assert following.begins_at - turn.ends_at > 2 * turn.seconds


def test_fault_lasts_longer_in_a_longer_run_where_that_is_a_matter_of_choice() -> None:
    """For half a minute instead of seconds; a frozen worker's time hangs on the lease."""
    lasts = {one.fault.name: one.seconds for one in SCRIPT.alone}
    assert lasts["worker_frozen"] == FAULTS["worker_frozen"].seconds
    scale = lasts["downstream_dead"] / FAULTS["downstream_dead"].seconds
    assert 2 < scale <= LONGEST_SCALE


def test_rate_is_lowered_where_there_is_no_time_for_all_faults() -> None:
    """Rather than leave some out."""
    script = plan_long(ALL, events=1000, rate=80, seed=1)
    assert {one.fault.name for one in script.alone} == set(FAULTS)
    assert script.rate == pytest.approx(1000 / script.seconds)
    assert script.rate < 80


def test_single_fault_comes_once_and_no_fault_means_none() -> None:
    """For a look at one of them."""
    script = plan_long([FAULTS["beat_dead"]], events=3000, rate=50, seed=1)
    assert [one.fault.name for one in script.alone] == ["beat_dead"]
    assert script.together == ()
    none = plan_long([], events=3000, rate=50, seed=1)
    assert (none.alone, none.together) == ((), ())


def test_deploy_comes_in_the_middle_of_a_burst() -> None:
    """In a long run and in a short one."""
    short = plan_short(ALL, events=1000, rate=30, seed=1)
    for script, turns in ((SCRIPT, SCRIPT.alone), (short, short.together)):
        turn = next(one for one in turns if one.fault.name == "deploy")
        assert any(begins < turn.begins_at < begins + lasts for begins, lasts, _ in script.bursts)


def test_short_run_has_each_fault_once_and_none_breaks_what_is_broken() -> None:
    """Others may overlap."""
    turns = plan_short(ALL, events=1000, rate=30, seed=1).together
    assert sorted(one.fault.name for one in turns) == sorted(FAULTS)
    for one in turns:
        for other in turns:
            if one is other or not one.fault.breaks & other.fault.breaks:
                continue
            assert one.ends_at <= other.begins_at or other.ends_at <= one.begins_at


def test_what_the_door_must_not_notice_is_over_before_anything_that_it_may() -> None:
    """Or nothing could be said of what it notices."""
    for seed in range(5):
        turns = plan_short(ALL, events=1000, rate=30, seed=seed).together
        over = max(one.ends_at for one in turns if one.fault.spares_acks)
        assert {one.fault.spares_acks for one in turns} == {True, False}
        for one in turns:
            assert one.fault.spares_acks or one.begins_at >= over + JUDGED_AFTER


def test_fault_begins_while_what_it_needs_is_whole() -> None:
    """A worker without a broker has nothing at which it could be killed."""
    turns = plan_short(ALL, events=1000, rate=30, seed=1).together
    for one in turns:
        for other in turns:
            if one.fault.needs & other.fault.breaks:
                assert not other.begins_at <= one.begins_at <= other.ends_at


def test_every_fault_comes_with_some_broker_and_all_take_little_time() -> None:
    """In CI, where the brokers share them: well within four minutes, with what a run needs else."""
    shares = share_out(ALL, BROKERS, 33.0)
    assert sorted(one.name for share in shares.values() for one in share) == sorted(FAULTS)
    for share in shares.values():
        assert any(BROKER in one.breaks for one in share)
    assert sum(max(33.0, measure_short(share)) for share in shares.values()) < 150


def test_same_seed_gives_the_same_script() -> None:
    """To have a run again."""
    assert plan_long(ALL, 100_000, 80, 1) == SCRIPT
    assert plan_long(ALL, 100_000, 80, 2) != SCRIPT
