"""How a run goes: how long, which fault when, and when the sender sends in bursts.

A long run has each fault alone, the next one when all is well after it, so that its recovery can be
measured, and then all of them at random. A short run, for CI, has each of its faults once, in as
little time as they take, and any two that break different things may overlap.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.faults import BROKER, DOWNSTREAM, POSTGRES, Fault
from tests.faults.schedule import Turn, plan_at_random

WARM_UP = 12.0
"""Seconds of quiet at the beginning, for what is usual to show."""
SHORT_WARM_UP = 3.0
GAP = 10.0
"""Seconds that a fault that comes alone is given to be recovered from, at least."""
CATCHING_UP = 2.5
"""Seconds that it takes to catch up with each in which nothing could be done: at 70 % of what the
machine drains, 30 % are left for it."""
STOPPERS = frozenset({BROKER, POSTGRES, DOWNSTREAM})
"""Without one of these, little or nothing is done."""
BURST_GAP = 60.0
"""Seconds to be given after a burst, which brings as much at once as half a minute otherwise."""
LONGEST_SCALE = 12.0
"""How many times as long as in a short run a fault lasts at most: two minutes instead of ten."""
ALONE = 0.65
"""The share of a long run in which faults come alone."""
FREE = 0.95
"""The share of a run after which no fault begins: the end is the sender's."""

SETTLING = 2.0
SETTLING_BY_NAME = {
    "clock_stepped": 22.0,
    "deploy": 15.0,
    "postgres_restarted": 5.0,
    "web_master_killed": 5.0,
}
"""Seconds for which a fault goes on breaking after its turn."""

POISON_SECONDS = 60.0
"""Until poison that kills its worker is dead: one lease for each of its attempts."""

BURST = (2.0, 10.0)
"""Seconds of a burst, and by how much it multiplies the rate."""
SHORT_BURST = (1.0, 5.0)
BURST_EVERY = 45.0
"""Seconds between two bursts, where faults come at random."""


@dataclass(frozen=True, slots=True)
class Script:
    """What happens in a run, in seconds from the first delivery.

    The turns `alone` begin so late at the latest; those `together` count from when these are
    through.
    """

    alone: tuple[Turn, ...]
    together: tuple[Turn, ...]
    bursts: tuple[tuple[float, float, float], ...]
    rate: float
    seconds: float
    """How long the sender sends, about."""
    alone_until: float
    """Until when faults come one at a time, at the latest."""
    until: float
    """When the last fault has to be over."""


def plan_long(faults: Sequence[Fault], events: int, rate: float, seed: int) -> Script:
    """Plan a run of `events` at `rate` a second: each fault alone, then all at random.

    Where that is too short a time for the faults, the rate is lower than asked for.
    """
    # The burst in which a deploy comes has to be known beforehand, and so has when it is first.
    faults = sorted(faults, key=lambda one: one.name != "deploy")
    share = ALONE if len(faults) > 1 else 1.0
    shortest = (WARM_UP + measure(faults, 1.0)) / share
    seconds = max(events / rate, shortest)
    scale = fit(faults, seconds * share - WARM_UP)
    alone, begins_at = [], WARM_UP
    for fault in faults:
        alone.append(Turn(fault, begins_at, fault.read_seconds(scale)))
        begins_at += measure([fault], scale)
    until = seconds * FREE
    together = plan_at_random(faults, seed, 0, until) if len(faults) > 1 else []
    bursts = [
        # The first is alone, too, and says what a burst costs by itself.
        *plan_bursts(alone, BURST),
        *((at, *BURST) for at in spread(begins_at, until, BURST_EVERY) if together),
    ]
    return Script(
        tuple(alone), tuple(together), tuple(bursts), events / seconds, seconds, begins_at, until
    )


def plan_short(faults: Sequence[Fault], events: int, rate: float, seed: int) -> Script:
    """Plan a run with each fault once, as soon as what it breaks is whole; at most `rate`."""
    turns = plan_packed(faults, seed, SHORT_WARM_UP)
    shortest = max((one.ends_at for one in turns), default=0.0) + SETTLING
    seconds = max(events / rate, shortest / FREE)
    bursts = tuple(plan_bursts(turns, SHORT_BURST))
    return Script((), tuple(turns), bursts, events / seconds, seconds, 0, float("inf"))


def plan_packed(faults: Sequence[Fault], seed: int, start: float) -> list[Turn]:
    """Give each fault one turn, the longest first, when nothing that it breaks is broken."""
    shuffled = list(faults)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 -- it is to be repeatable
    turns: list[Turn] = []
    # Poison first of all: until it is dead, it is tried again and again, later and later.
    shuffled.sort(key=lambda one: (one.name != "poison_event", -one.seconds))
    free_at: dict[str, float] = {}
    for number, fault in enumerate(shuffled):
        begins_at = max([start + number, *(free_at.get(part, 0.0) for part in fault.breaks)])
        turns.append(Turn(fault, begins_at, fault.seconds))
        for part in fault.breaks:
            free_at[part] = turns[-1].ends_at + settle(fault)
    return turns


def fit(faults: Sequence[Fault], seconds: float) -> float:
    """Return the scale with which the faults, each alone, take `seconds`; within its bounds."""
    fixed = measure(faults, 0.0)
    scalable = measure(faults, 1.0) - fixed
    scale = (seconds - fixed) / scalable if scalable else 1.0
    return min(LONGEST_SCALE, max(1.0, scale))


def measure(faults: Sequence[Fault], scale: float) -> float:
    """Return the seconds that the faults take, each alone and with the time to recover."""
    total = 0.0
    for fault in faults:
        lasts = fault.read_seconds(scale)
        total += lasts + settle(fault) + (BURST_GAP if fault.name == "deploy" else GAP)
        if fault.breaks & STOPPERS:
            total += lasts * CATCHING_UP
    return total


def settle(fault: Fault) -> float:
    """Return for how many seconds the fault goes on breaking after its turn."""
    return SETTLING_BY_NAME.get(fault.name, SETTLING)


def plan_bursts(
    turns: Sequence[Turn], burst: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """Have each deploy come in the middle of a burst."""
    return [
        (max(0.0, turn.begins_at - burst[0] / 2), *burst)
        for turn in turns
        if turn.fault.name == "deploy"
    ]


def spread(start: float, end: float, step: float) -> list[float]:
    """Return the times from `start` on, `step` apart, before `end`."""
    return [start + step * number for number in range(max(0, int((end - start) // step)))]


def share_out(faults: Sequence[Fault], brokers: Sequence[str]) -> Mapping[str, list[Fault]]:
    """Share the faults out, so that each comes with one broker, and all take about as long."""
    shares: dict[str, list[Fault]] = {broker: [] for broker in brokers}
    for fault in sorted(faults, key=weigh, reverse=True):
        lightest = min(brokers, key=lambda name: sum(map(weigh, shares[name])))
        shares[lightest].append(fault)
    return shares


def weigh(fault: Fault) -> float:
    """Return how many seconds of a short run the fault takes, about, until all is quiet."""
    return POISON_SECONDS if fault.name == "poison_event" else fault.seconds + settle(fault)
