"""Bugs that are planted into the product's processes, to show that the harness finds them.

A harness that cannot fail proves nothing. `plants` holds what each of them does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.finding import Kind


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug: what is wrong, and with which faults it shows.

    `World(bug=name)` plants it. `kinds` are the findings by which it is caught: others may come of
    something else. `faults` are names in FAULTS, one as often as it needs its turn; none where the
    bug shows in plain traffic to a downstream that misbehaves.
    """

    name: str
    summary: str
    kinds: tuple[Kind, ...]
    faults: tuple[str, ...] = ()


BUGS: Mapping[str, Bug] = {
    bug.name: bug
    for bug in (
        Bug(
            "ack_before_commit",
            "A delivery is acknowledged, and then written down by another thread.",
            ("lost",),
            ("web_worker_killed", "postgres_restarted", "web_master_killed"),
        ),
        Bug(
            "commit_not_waited_for",
            "A delivery is acknowledged when Postgres has its commit in memory.",
            ("lost",),
            ("postgres_restarted", "postgres_restarted", "postgres_restarted"),
        ),
        Bug(
            "publish_inside_the_transaction",
            "The hint is published in the transaction that records the event, and fails it.",
            ("refused",),
            ("broker_killed", "broker_hanging"),
        ),
        Bug(
            "dedupe_by_check_then_insert",
            "Whether an event is known is asked first, and no constraint holds it.",
            ("doubled",),
        ),
        Bug(
            "claim_without_lease",
            "An effect that is under way can be claimed by anybody.",
            ("overlap",),
        ),
        Bug(
            "lease_shorter_than_the_call",
            "A lease ends after a second, a call to the vendor after five.",
            ("overlap",),
        ),
        Bug(
            "result_recorded_after_the_lease_was_lost",
            "A worker records its result without a look at whose the effect is by now.",
            ("unsound",),
            ("worker_frozen", "worker_frozen"),
        ),
        Bug(
            "sweep_skips_running_rows_for_ever",
            "What was running when its worker died is never due again.",
            ("unsound", "lost"),
            ("worker_killed",) * 6,
        ),
        Bug(
            "usage_without_business_key",
            "Usage is owed once for each event instead of once for each conversation.",
            ("doubled",),
        ),
        Bug(
            "key_for_each_attempt",
            "The vendor is given another idempotency key at each attempt.",
            ("doubled",),
        ),
    )
}
