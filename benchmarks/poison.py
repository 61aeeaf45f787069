"""What events that cannot be processed cost the rest: 1% poison against none, in turn.

In each round a backlog is recorded with the workers stopped, and then worked off, once as it is
and once with poison strewn in; compared is how many of the other events a second were done (of
their middle nine tenths; when the last one was done, and how long 95 % of them took at most, is
told beside it). It exits with 1 where the rest is slower by more than a tenth. The workers run with
the fault harness's poison planted into them: on its marker in an event's body, projecting it
`raises`, `fails_in_postgres` or `kills` the worker's child. Effects go to the ledger. Between
rounds all rows are removed.
"""

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.product import prepared_database
from benchmarks.results import write_results
from tests.faults.poison import FAILS_IN_POSTGRES, KILLS, RAISES

if TYPE_CHECKING:
    from benchmarks.engine import Engine

KINDS = {"raises": RAISES, "fails_in_postgres": FAILS_IN_POSTGRES, "kills": KILLS}
SETTINGS = "tests.faults.settings"
LEAST = 0.9
"""Of their rate without poison, for the rest to count as unharmed."""


def strew(bodies: list[bytes], marker: str, every: int) -> tuple[list[bytes], list[str]]:
    """Return the bodies with the marker in every `every`-th, and the ids of those events."""
    strewn, poisoned = list(bodies), []
    for number in range(every - 1, len(bodies), every):
        event = json.loads(bodies[number])
        event["data"]["metadata"] = {"poison": marker}
        strewn[number] = json.dumps(event).encode()
        poisoned.append(event["event_id"])
    return strewn, poisoned


def measure(engine: "Engine", count: int, marker: str, every: int) -> dict[str, Any]:
    """Work off `count` events, every `every`-th of them poison (0: none).

    Returns what became of the others.
    """
    from django.db.models import Q  # noqa: PLC0415 -- after Django's setup

    from benchmarks.engine import (  # noqa: PLC0415
        describe_courses,
        forget_all,
        read_courses,
        wait_until_done,
    )

    forget_all()
    bodies, poisoned = (
        strew(engine.tell(count), marker, every) if every else (engine.tell(count), [])
    )
    engine.gather(bodies)
    innocent = ~Q(event_id__in=poisoned)
    with engine.working(DJANGO_SETTINGS_MODULE=SETTINGS):
        wait_until_done(300 + count / 20, innocent)
    courses = read_courses(innocent)
    rest = describe_courses(courses)
    assert rest["events"] == count - len(poisoned)  # noqa: S101 -- else the figures mean nothing
    took = statistics.quantiles((course.done - course.received for course in courses), n=20)
    return rest | {"p95_seconds": took[-1]}


def main() -> int:
    """Measure, print, and write the figures; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=3000, help="in each round and way")
    parser.add_argument("--every", type=int, default=100, help="which event is poison")
    parser.add_argument("--kind", choices=sorted(KINDS), default="raises")
    options = parser.parse_args()
    rounds: dict[str, list[dict[str, Any]]] = {"none": [], "poison": []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(prepared_database(Path(folder)))
        from benchmarks.engine import Engine  # noqa: PLC0415 -- after Django's setup

        engine = Engine(url, stack)
        for number in range(options.rounds):
            # Turned around each time, so that neither is always the one that comes after.
            for name in ("none", "poison") if number % 2 == 0 else ("poison", "none"):
                every = options.every if name == "poison" else 0
                rounds[name].append(measure(engine, options.events, KINDS[options.kind], every))
    rates = {name: [each["middle_per_second"] for each in all_] for name, all_ in rounds.items()}
    ratios = [new / old for old, new in zip(rates["none"], rates["poison"], strict=True)]
    noise = max(rates["none"]) / min(rates["none"])
    table = Table(
        f"{options.events} events, 1 in {options.every} {options.kind}",
        "done/s",
        "rounds",
        "last, s",
        "95 % within, s",
    )
    for name, values in rates.items():
        each = " ".join(f"{rate:.0f}" for rate in values)
        last = " ".join(f"{figures['seconds']:.0f}" for figures in rounds[name])
        took = " ".join(f"{figures['p95_seconds']:.1f}" for figures in rounds[name])
        table.add_row(name, f"{statistics.median(values):.0f}", each, last, took)
    Console().print(table)
    print(
        f"the rest with poison / with none: {statistics.median(ratios):.2f} (rounds:"
        f" {', '.join(f'{ratio:.2f}' for ratio in ratios)}; without poison they differ by a factor"
        f" of {noise:.2f})"
    )
    figures = {"kind": options.kind, "events": options.events, "rounds": rounds, "ratios": ratios}
    print(f"Effects to the ledger. Figures: {write_results(f'poison_{options.kind}', figures)}")
    if statistics.median(ratios) < LEAST:
        print(f"The rest is slower than {LEAST:.0%} of what it is without poison.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
