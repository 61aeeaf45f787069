"""How fast a backlog is worked off, against the steady rate, and what fresh events wait meanwhile.

First a small backlog is recorded with the workers stopped, and worked off: the steady rate, under
saturation. Then the large one, in the same way on the same database; while it is worked off, a
fresh event comes every five seconds. An event counts as done when all its effects have succeeded,
which here go to the ledger. Exit status 1 where a target is missed: the drain at 0.8 of the steady
rate or more, fresh events processed and done within five seconds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.product import prepared_database
from benchmarks.results import write_results

LEAST_RATIO = 0.8
LONGEST_WAIT = 5.0


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=20_000, help="in the large backlog")
    parser.add_argument("--steady", type=int, default=5000, help="events in the small backlog")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(prepared_database(Path(folder)))
        from benchmarks.engine import Engine, describe_courses  # noqa: PLC0415 -- after Django's setup

        engine = Engine(url, stack)
        began = time.monotonic()
        steady = describe_courses(engine.work_off(options.steady))
        courses, fresh = engine.work_off_beside_fresh(options.events)
        drain = describe_courses(courses)
    waits = {
        "processed": [course.processed - course.received for course in fresh],
        "done": [course.done - course.received for course in fresh],
    }
    ratio = drain["done_per_second"] / steady["done_per_second"]
    file = write_results(
        "backlog", {"steady": steady, "drain": drain, "ratio": ratio, "fresh_seconds": waits}
    )
    table = Table(f"backlogs, in {time.monotonic() - began:.0f} s", "events", "done/s", "by tenths")
    for name, figures in {"steady": steady, "drain": drain}.items():
        tenths = " ".join(map(str, figures["done_by_tenths"]))
        table.add_row(name, str(figures["events"]), f"{figures['done_per_second']:.0f}", tenths)
    Console().print(table)
    print(f"drain / steady: {ratio:.2f} (target: {LEAST_RATIO} or more)")
    for name, seconds in waits.items():
        if seconds:
            middle, longest = statistics.median(seconds), max(seconds)
            print(
                f"fresh events {name} after {middle:.2f} s, at most {longest:.2f} s, of"
                f" {len(seconds)} (target: {LONGEST_WAIT:.0f} s)"
            )
    print(f"Effects to the ledger. Figures: {file}")
    late = max([0.0, *waits["processed"], *waits["done"]])
    sys.exit(0 if ratio >= LEAST_RATIO and fresh and late <= LONGEST_WAIT else 1)


if __name__ == "__main__":
    main()
