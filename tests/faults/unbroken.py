"""Faults that were to be, and were not: a run without them proves nothing about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.faults.finding import Finding
from tests.faults.schedule import Incident


def find_unbroken(
    planned: Iterable[str], incidents: Sequence[Incident], poisoned: int
) -> Iterator[Finding]:
    """Find faults of which not one incident is what it was to be, and what could not be mended.

    Args:
        planned: The faults' names.
        incidents: All that happened.
        poisoned: How many poisoned events were sent.

    Where several faults are on, one may take away what another would have hit: that counts only
    where it never came to be otherwise.
    """
    for name in dict.fromkeys(planned):
        own = [one for one in incidents if one.fault.name == name]
        if not own:
            yield Finding("not_broken", f"{name} never had its turn")
        elif all(one.note for one in own):
            yield Finding("not_broken", f"{name} was not carried out: {own[0].note}")
    for one in incidents:
        if one.note and one.was_broken:
            yield Finding("not_broken", f"{one.fault.name} was not mended: {one.note}")
    if "poison_event" in planned and not poisoned:
        yield Finding("not_broken", "poison_event brought no poisoned event")


def find_obstructed(obstacles: Mapping[str, str]) -> Iterator[Finding]:
    """Find what could not be done here, for a run that must leave nothing out."""
    for name, why in obstacles.items():
        yield Finding("not_broken", f"{name} could not be done: {why}")
