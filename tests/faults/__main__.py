"""Break everything while events flow, and reckon what came of it: `make faults`."""

import contextlib
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.faults import run as runs
from tests.faults.arguments import choose_brokers, plan_jobs, read_arguments
from tests.faults.bugs import BUGS
from tests.faults.outcome import Outcome
from tests.faults.report import PAGE, tell, write_report
from tests.faults.servers.brokers import find_missing

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C (ignored otherwise in a background job), a supervisor, a terminal that was closed."""

console = Console(stderr=True)


@contextlib.contextmanager
def showing(job: runs.Job) -> Iterator[runs.Show]:
    """Show how far a run is."""
    columns = (
        TextColumn("{task.fields[broker]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} acked"),
        TextColumn("{task.fields[open]} open"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    name = f"{job.broker} {job.bug}".strip()
    with Progress(*columns, console=console) as bars:
        bar: TaskID = bars.add_task("", total=job.events, broker=name, open="-")

        def show(progress: runs.Progress) -> None:
            stage = ", ".join(progress.broken) or progress.stage
            bars.update(
                bar,
                description=stage,
                completed=min(progress.acked, progress.events),
            )
            if progress.open_rows is not None:
                bars.update(bar, open=f"{progress.open_rows:,}")

        yield show


def is_caught(outcome: Outcome) -> bool:
    """Tell whether the bug was found, and not something else.

    A run that is not quiet in time may only have been slow.
    """
    return bool(outcome.reckoning.count(*BUGS[outcome.bug].kinds))


def is_as_expected(outcome: Outcome) -> bool:
    """Tell whether a run with a bug has found it, and one without has found nothing."""
    return is_caught(outcome) if outcome.bug else outcome.is_well


def tell_bugs(outcomes: Sequence[Outcome]) -> Table:
    """Return which planted bugs the harness has found, and by what; and what it finds without."""
    table = Table("bug", "caught", "by", "found besides")
    for outcome in outcomes:
        kinds = sorted({finding.kind for finding in outcome.reckoning.findings})
        signs = {kind: f"{outcome.reckoning.count(kind)} {kind}" for kind in kinds}
        if not outcome.bug:
            verdict = "well without one" if outcome.is_well else "NOT WELL WITHOUT ONE"
            table.add_row("none", verdict, "", ", ".join(signs.values()))
            continue
        own = [sign for kind, sign in signs.items() if kind in BUGS[outcome.bug].kinds]
        others = [sign for sign in signs.values() if sign not in own]
        others += [] if outcome.is_quiet else ["never quiet"]
        verdict = "yes" if is_caught(outcome) else "NO"
        table.add_row(outcome.bug, verdict, ", ".join(own), ", ".join(others))
    return table


class Ending:
    """Unwinds all that runs when it is asked to: at the second time it is less patient.

    Not at the third: what is on its way to the end would be left half ended.
    """

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, *_: object) -> None:
        """End the run, from a signal's handler."""
        self._asked += 1
        with contextlib.suppress(OSError):  # the terminal may be gone
            console.print("Mending and ending what was started, a moment …")
        if self._asked <= 2:
            raise KeyboardInterrupt


def main() -> int:
    """Run what the command line chooses; return the exit status."""
    options = read_arguments()
    must_be_whole = bool(os.environ.get("CI"))
    wanted = choose_brokers(options)
    missing = {broker: why for broker in wanted if (why := find_missing(broker))}
    for broker, why in missing.items():
        console.print(f"Without {broker}: {why}.")
    if missing and (must_be_whole or options.broker in missing):
        return 1
    brokers = [broker for broker in wanted if broker not in missing]
    ending = Ending()
    for signum in SIGNALS:
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # `nohup`
            signal.signal(signum, ending)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    folder = options.folder or Path(tempfile.mkdtemp(prefix="switchboard-faults-report-"))
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"seed {seed}, report and logs in {folder}")
    outcomes = []
    try:
        for job in plan_jobs(options, seed, folder, brokers, must_be_whole=must_be_whole):
            with showing(job) as show:
                outcomes.append(runs.run(job, show))
            sys.stdout.write(tell(outcomes[-1]) + "\n\n")
            sys.stdout.flush()
            write_report(outcomes, folder)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            console.print("Ended; all that was started is gone.")
        return 130
    console.print(f"The page: {folder / PAGE}")
    if options.bug:
        console.print(tell_bugs(outcomes))
        return int(not all(map(is_as_expected, outcomes)))
    return int(not all(outcome.is_well for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
