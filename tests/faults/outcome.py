"""What came of a run: all that the report tells, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.faults.reckoning import Reckoning
from tests.faults.schedule import Incident
from tests.faults.tries import Try
from tests.faults.watch import Sample, find_recovery, find_usual

AFTERMATH = 10.0
"""Seconds after a fault in which what happens to acknowledgements is counted as its effect."""


@dataclass(frozen=True, slots=True)
class Told:
    """An incident as the report tells it; times in seconds, `began` from the first delivery.

    `recovery` is None where it was not seen before the next fault, and where nobody could say whose
    it is: of faults that are not alone, since an earlier one was not over or another came too soon.
    """

    name: str
    began: float
    lasted: float
    is_alone: bool
    worst: float
    """The longest acknowledgement of those that ended meanwhile, from when it was due."""
    unacked: int
    """Tries meanwhile that were refused, not answered or not even connected."""
    recovery: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run on one broker; `samples` count their time from the first delivery."""

    broker: str
    seed: int
    bug: str
    rate: float
    seconds: float
    """From the first delivery until all was quiet, or was waited for no longer."""
    samples: tuple[Sample, ...]
    incidents: tuple[Told, ...]
    reckoning: Reckoning
    is_quiet: bool
    obstacles: Mapping[str, str]
    """By fault: why it could not be done."""
    p99: float
    """The acknowledgements' 99th percentile, in seconds from when each was due."""

    @property
    def is_well(self) -> bool:
        """Whether nothing was lost, doubled or unsound, and all of it came to an end."""
        return self.is_quiet and not self.reckoning.findings

    def pick_incidents(self) -> tuple[list[Told], list[Told]]:
        """Return for each fault the incident that says most of it, and all others.

        The first are numbered by their place, from 1, in the tables and on the plots.
        """
        picked: dict[str, Told] = {}
        for told in sorted(self.incidents, key=lambda one: not one.is_alone):
            picked.setdefault(told.name, told)
        chosen = sorted(picked.values(), key=lambda one: one.began)
        return chosen, [told for told in self.incidents if told not in chosen]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON's own types."""
        return {**asdict(self), "is_well": self.is_well, "obstacles": dict(self.obstacles)}


def tell_incidents(
    incidents: Sequence[Incident],
    samples: Sequence[Sample],
    tries: Sequence[Try],
    epoch: float,
    until: float,
) -> tuple[Told, ...]:
    """Say of each incident what it did to acknowledgements, and when all was well after it.

    `until` is when the run was over, in Unix seconds.
    """
    usual = find_usual(samples, min((one.began for one in incidents), default=until))
    told: list[Told] = []
    hurt_until = 0.0
    for incident in incidents:
        following = min(
            (one.began for one in incidents if one.began > incident.began), default=until
        )
        is_alone = hurt_until <= incident.began and incident.ended <= following
        recovery = find_recovery(samples, usual, incident.ended, following) if is_alone else None
        # What was not over when the next one began is over when all is well at last.
        well_after = find_recovery(samples, usual, incident.ended)
        is_over = until if well_after is None else incident.ended + well_after
        hurt_until = max(hurt_until, is_over)
        span = [
            one
            for one in tries
            if incident.began <= one.ended <= min(following, incident.ended + AFTERMATH)
        ]
        told.append(
            Told(
                name=incident.fault.name,
                began=incident.began - epoch,
                lasted=incident.ended - incident.began,
                is_alone=is_alone,
                worst=max((one.latency for one in span if one.is_acked), default=0.0),
                unacked=sum(not one.is_acked for one in span),
                recovery=recovery,
                note=incident.note,
            )
        )
    return tuple(told)


def say_recovery(told: Told) -> str:
    """Return the seconds until all was well, or why nobody can say."""
    if told.recovery is not None:
        return f"{told.recovery:.1f} s"
    return "not alone" if not told.is_alone else "not seen"


def list_sums(outcome: Outcome) -> list[tuple[str, str]]:
    """Return what the report ends in, by name."""
    found = outcome.reckoning
    return [
        ("sent", f"{found.sent} events ({found.poisoned} poisoned), in {found.tries} tries"),
        ("acked", f"{found.acked}, 99 % within {outcome.p99:.2f} s of when they were due"),
        ("stored", str(found.stored)),
        ("lost", str(found.count("lost"))),
        ("effects owed", str(found.owed)),
        ("applied", f"{found.applied}, in {found.requests} requests"),
        ("doubled", str(found.count("doubled"))),
        ("wrong or unsound", str(found.count("wrong", "unsound", "poison", "overlap"))),
        ("refused without need", f"{found.count('refused')}, of {found.judged} tries judged"),
        ("faults not carried out", str(found.count("not_broken"))),
        ("overlaps of a thawed worker", str(len(found.excused))),
    ]
