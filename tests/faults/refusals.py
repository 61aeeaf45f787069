"""Deliveries that were not acknowledged although all that an acknowledgement needs was well.

The receiver needs Postgres and nothing else: whatever becomes of the broker, the workers, beat or
the downstream, a delivery is acknowledged at the first try.
"""

from collections.abc import Iterator, Sequence

from tests.faults.faults import CLOCK, POSTGRES, WEB
from tests.faults.reckoning import Finding
from tests.faults.schedule import Incident
from tests.faults.tries import Try

NEEDED = frozenset({WEB, POSTGRES, CLOCK})
"""What an acknowledgement needs; the clock, for a signature must not be stale."""
AFTERMATH = 15.0
"""Seconds after one of these was mended in which its trouble is not another's."""
FEW, SHARE = 2, 0.02
"""Tries that may fail in an incident for want of time on a busy machine: so many, or a share."""


def find_refusals(tries: Sequence[Try], incidents: Sequence[Incident]) -> Iterator[Finding]:
    """Find incidents that must not be noticed at the door, and were."""
    hurting = [one for one in incidents if one.fault.breaks & NEEDED]
    for incident in incidents:
        if incident.fault.breaks & NEEDED:
            continue
        meanwhile = [
            one
            for one in tries
            if incident.began <= one.began <= incident.ended and not is_excused(one, hurting)
        ]
        failed = sum(not one.is_acked for one in meanwhile)
        if failed > max(FEW, SHARE * len(meanwhile)):
            name = incident.fault.name
            yield Finding(
                "refused", f"{failed} of {len(meanwhile)} tries were not acknowledged in {name}"
            )


def is_excused(one: Try, hurting: Sequence[Incident]) -> bool:
    """Tell whether the try met something that was broken and that it needed."""
    return any(
        one.ended >= incident.began and one.began <= incident.ended + AFTERMATH
        for incident in hurting
    )
