"""Break everything while events flow, and reckon what came of it: `make faults`."""

import argparse
import contextlib
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
from tests.faults.bugs import BUGS
from tests.faults.faults import FAULTS
from tests.faults.outcome import Outcome
from tests.faults.plan import share_out
from tests.faults.report import PAGE, tell, write_report
from tests.faults.world import BROKERS

ALL, NONE = "all", "none"
CI_EVENTS, CI_RATE = 1000, 30.0
BUG_EVENTS, BUG_RATE = 400, 20.0
CI_WAIT, BUG_WAIT = 150.0, 90.0
"""Seconds for which a short run may take to be quiet in the end: poison takes longest to die."""

console = Console(stderr=True)


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line chooses; ends the process where that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog=f"Faults: {', '.join(FAULTS)}. Bugs: {', '.join(BUGS)}.",
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--broker", choices=(*BROKERS, ALL), default="pgmq")
    parser.add_argument("--faults", default=ALL, help="all, none, or names with commas between")
    parser.add_argument("--seed", type=int, help="for the same events and faults again")
    parser.add_argument("--folder", type=Path, help="for the report and the logs")
    parser.add_argument("--bug", default="", help="plant a bug, or all of them one by one")
    parser.add_argument("--ci", action="store_true", help="a few minutes, each fault once")
    options = parser.parse_args(arguments)
    unknown = [name for name in read_names(options.faults) if name not in FAULTS]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}")
    if options.bug not in {"", ALL, *BUGS}:
        parser.error(f"no such bug: {options.bug}")
    if options.folder and options.folder.exists() and not is_empty(options.folder):
        parser.error(f"{options.folder} holds something: name a folder that is new, or empty")
    return options


def is_empty(folder: Path) -> bool:
    """Tell whether it is a folder with nothing in it."""
    return folder.is_dir() and next(folder.iterdir(), None) is None


def read_names(faults: str) -> list[str]:
    """Return the faults that were asked for, by name."""
    if faults in {ALL, NONE}:
        return list(FAULTS) if faults == ALL else []
    return faults.split(",")


def plan_jobs(options: argparse.Namespace, seed: int, folder: Path) -> list[runs.Job]:
    """Return what to run, one after the other."""
    faults = tuple(FAULTS[name] for name in read_names(options.faults))
    brokers = BROKERS if options.broker == ALL or options.ci else (options.broker,)
    if options.bug:
        names = list(BUGS) if options.bug == ALL else [options.bug]
        return [
            runs.Job(
                broker=options.broker if options.broker != ALL else BROKERS[0],
                faults=tuple(FAULTS[fault] for fault in BUGS[name].faults),
                events=BUG_EVENTS,
                rate=BUG_RATE,
                seed=seed,
                folder=folder / name,
                bug=name,
                is_short=True,
                longest_wait=BUG_WAIT,
            )
            for name in names
        ]
    if options.ci:
        shares = share_out(faults, brokers)
        return [
            runs.Job(
                broker=broker,
                faults=tuple(shares[broker]),
                events=CI_EVENTS,
                rate=CI_RATE,
                seed=seed,
                folder=folder / broker,
                is_short=True,
                longest_wait=CI_WAIT,
            )
            for broker in brokers
        ]
    return [
        runs.Job(broker, faults, options.events, options.rate, seed, folder / broker)
        for broker in brokers
    ]


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
    """Tell whether something was found; a run that is not quiet in time may only have been slow."""
    return bool(outcome.reckoning.findings)


def tell_bugs(outcomes: Sequence[Outcome]) -> Table:
    """Return which planted bugs the harness has found, and by what."""
    table = Table("bug", "caught", "by")
    for outcome in outcomes:
        kinds = sorted({finding.kind for finding in outcome.reckoning.findings})
        signs = [f"{outcome.reckoning.count(kind)} {kind}" for kind in kinds]
        signs += [] if outcome.is_quiet else ["never quiet"]
        table.add_row(outcome.bug, "yes" if is_caught(outcome) else "no", ", ".join(signs))
    return table


def end_as_by_ctrl_c(*_: object) -> None:
    """Unwind all that runs."""
    raise KeyboardInterrupt


def main() -> int:
    """Run what the command line chooses; return the exit status."""
    options = read_arguments()
    for signum in (signal.SIGINT, signal.SIGTERM):  # the first is ignored in a background job
        signal.signal(signum, end_as_by_ctrl_c)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    folder = options.folder or Path(tempfile.mkdtemp(prefix="switchboard-faults-report-"))
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"seed {seed}, report and logs in {folder}")
    outcomes = []
    try:
        for job in plan_jobs(options, seed, folder):
            with showing(job) as show:
                outcomes.append(runs.run(job, show))
            sys.stdout.write(tell(outcomes[-1]) + "\n\n")
            sys.stdout.flush()
            write_report(outcomes, folder)
    except KeyboardInterrupt:
        console.print("Ended; all that was started is gone.")
        return 130
    console.print(f"The page: {folder / PAGE}")
    if options.bug:
        console.print(tell_bugs(outcomes))
        return int(not all(map(is_caught, outcomes)))
    return int(not all(outcome.is_well for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
