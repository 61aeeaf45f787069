"""Deliveries that were not acknowledged although all that an acknowledgement needs was well.

The receiver needs Postgres and nothing else: whatever becomes of the broker, the workers, beat or
the downstream, a delivery is acknowledged at the first try.
"""

from collections.abc import Sequence

from tests.faults.finding import Finding
from tests.faults.schedule import Incident
from tests.faults.tries import Try

AFTERMATH = 15.0
"""Seconds after what an acknowledgement needs was mended, in which its trouble is not another's."""
JUDGED_AFTER = 3.0
"""Seconds after an incident that must not be noticed, in which it must not be either."""
FEW, SHARE = 2, 0.02
"""Tries that may fail in an incident for want of time on a busy machine: so many, or a share."""


def judge_door(
    tries: Sequence[Try], incidents: Sequence[Incident]
) -> tuple[int, tuple[Finding, ...]]:
    """Return how many tries fell into incidents that must not be noticed, and which of these were.

    None at all is found, too: then nothing can be said.
    """
    hurting = [one for one in incidents if not one.fault.spares_acks]
    sparing = [one for one in incidents if one.fault.spares_acks]
    free = [one for one in tries if not is_excused(one, hurting)]
    judged: set[int] = set()
    findings = []
    for incident in sparing:
        until = incident.ended + JUDGED_AFTER
        meanwhile = [at for at, one in enumerate(free) if incident.began <= one.began <= until]
        judged.update(meanwhile)
        failed = sum(not free[at].is_acked for at in meanwhile)
        if failed > max(FEW, SHARE * len(meanwhile)):
            name = incident.fault.name
            text = f"{failed} of {len(meanwhile)} tries were not acknowledged in {name}"
            findings.append(Finding("refused", text))
    if sparing and not judged:
        text = "no try says whether acknowledgements go on while what they don't need is broken"
        findings.append(Finding("not_broken", text))
    return len(judged), tuple(findings)


def is_excused(one: Try, hurting: Sequence[Incident]) -> bool:
    """Tell whether the try met something that was broken and that it needed."""
    return any(
        one.ended >= incident.began and one.began <= incident.ended + AFTERMATH
        for incident in hurting
    )
