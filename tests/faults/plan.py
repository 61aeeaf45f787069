"""How a run goes: how long, which fault when, and when the sender sends in bursts.

A long run has each fault alone, the next one when all is well after it, so that its recovery can be
measured, and then all of them at random. A short run, for CI, has each of its faults once, in as
little time as they take: those that the door must not notice first, then those that it may, and
of either any two that break different things may overlap.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.fault import BROKER, DOWNSTREAM, POSTGRES, Fault
from tests.faults.refusals import JUDGED_AFTER
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

CATCHING = 2.0
"""Seconds that what a fault needs is left whole for it, once it has begun."""

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
    """Give each fault one turn, when nothing that it breaks or needs is broken.

    First those that spare acknowledgements, and the others when all of these are over: what
    an acknowledgement needs is whole meanwhile, so that each of them has to go well.
    """
    chance = random.Random(seed)  # noqa: S311 -- it is to be repeatable
    sparing = [one for one in faults if one.spares_acks]
    turns = pack(sparing, chance, start)
    if turns:
        start = max(turn.ends_at for turn in turns) + JUDGED_AFTER
    return turns + pack([one for one in faults if not one.spares_acks], chance, start)


def pack(faults: Sequence[Fault], chance: random.Random, start: float) -> list[Turn]:
    """Give each fault a turn from `start` on, as early as the others let it."""
    # Poison first: until it is dead, it is tried again and again, later and later. Then what has to
    # find something at work, for the others keep it from work; the longest of each first.
    ordered = sorted(
        chance.sample(faults, len(faults)),
        key=lambda one: (one.name != "poison_event", not one.needs, -one.seconds),
    )
    turns: list[Turn] = []
    free_at: dict[str, float] = {}
    for number, fault in enumerate(ordered):
        used = fault.breaks | fault.needs
        begins_at = max([start + number, *(free_at.get(part, 0.0) for part in used)])
        turns.append(Turn(fault, begins_at, fault.seconds))
        for part in fault.needs:
            free_at[part] = max(free_at.get(part, 0.0), begins_at + CATCHING)
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


def share_out(
    faults: Sequence[Fault], brokers: Sequence[str], shortest: float
) -> Mapping[str, list[Fault]]:
    """Share the faults out, so that each comes with one broker, and all together are soon over.

    What breaks the broker itself comes with all of them by turns. `shortest` is how many seconds a
    run takes however few they are.
    """
    shares: dict[str, list[Fault]] = {broker: [] for broker in brokers}

    def weigh(broker: str, added: Fault) -> tuple[int, float, int]:
        """Return how little that broker is the next one for the fault."""
        share = shares[broker]
        broken = sum(BROKER in one.breaks for one in share) if BROKER in added.breaks else 0
        longer = max(shortest, measure_short([*share, added])) - max(shortest, measure_short(share))
        return broken, longer, len(share)

    for fault in sorted(faults, key=lambda one: measure_short([one]), reverse=True):
        shares[min(brokers, key=lambda name: weigh(name, fault))].append(fault)
    return shares


def measure_short(faults: Sequence[Fault]) -> float:
    """Return how many seconds of a short run the faults take, about, until all is quiet."""
    ends = [
        POISON_SECONDS if one.fault.name == "poison_event" else one.ends_at + settle(one.fault)
        for one in plan_packed(faults, 0, 0.0)
    ]
    return max(ends, default=0.0)
