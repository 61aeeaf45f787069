"""What the command line asks for, and the runs that come of it."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tests.faults.bugs import BUGS
from tests.faults.faults import FAULTS
from tests.faults.plan import share_out
from tests.faults.run import Job
from tests.faults.servers.brokers import BROKERS

ALL, NONE = "all", "none"
DEFAULT_EVENTS, DEFAULT_RATE = 100_000, 100.0
CI_EVENTS, CI_RATE = 1000, 30.0
BUG_EVENTS, BUG_RATE = 400, 20.0
CI_WAIT, BUG_WAIT = 150.0, 90.0
"""Seconds for which a short run may take to be quiet in the end: poison takes longest to die."""
CONTROL = "control"
"""The folder of the run without a bug."""


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line chooses; ends the process where that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Break everything while events flow, and reckon what came of it.",
        epilog=f"Faults: {', '.join(FAULTS)}. Bugs: {', '.join(BUGS)}.",
    )
    parser.add_argument("--events", type=int, help=f"{DEFAULT_EVENTS:,} if it is not said")
    parser.add_argument("--rate", type=float, help=f"events a second, {DEFAULT_RATE:.0f} likewise")
    parser.add_argument("--broker", choices=(*BROKERS, ALL), help=f"{BROKERS[0]} likewise")
    parser.add_argument("--faults", help="all, none, or names with commas between")
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
    for name in ("events", "rate"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            parser.error(f"--{name} has to be more than nothing")
    if clash := find_clash(options):
        parser.error(clash)
    if options.folder and options.folder.exists() and not is_empty(options.folder):
        parser.error(f"{options.folder} holds something: name a folder that is new, or empty")
    return options


def find_clash(options: argparse.Namespace) -> str:
    """Return which two options don't go together, with an empty text where all do."""
    chosen = {
        name
        for name in ("events", "rate", "broker", "faults", "bug", "ci")
        if getattr(options, name) not in {None, "", False}
    }
    for leader, others in (
        ("ci", ("events", "rate", "broker", "bug")),
        ("bug", ("events", "rate", "faults")),
    ):
        for other in others:
            if {leader, other} <= chosen:
                return f"--{leader} and --{other} don't go together: --{leader} says which"
    if options.bug and options.broker == ALL:
        return "--bug takes one broker"
    return ""


def is_empty(folder: Path) -> bool:
    """Tell whether it is a folder with nothing in it."""
    return folder.is_dir() and next(folder.iterdir(), None) is None


def read_names(faults: str | None) -> list[str]:
    """Return the faults that were asked for, by name."""
    if faults in {None, ALL, NONE}:
        return [] if faults == NONE else list(FAULTS)
    assert faults is not None
    return faults.split(",")


def choose_brokers(options: argparse.Namespace) -> Sequence[str]:
    """Return the brokers to run on, whether they are there or not."""
    if options.broker == ALL or options.ci:
        return BROKERS
    return (options.broker or BROKERS[0],)


def plan_jobs(
    options: argparse.Namespace,
    seed: int,
    folder: Path,
    brokers: Sequence[str],
    *,
    must_be_whole: bool = False,
) -> list[Job]:
    """Return what to run, one after the other, on those of the brokers that are there."""
    if options.bug:
        jobs = plan_bugs(options.bug, seed, folder, brokers[0])
    else:
        faults = tuple(FAULTS[name] for name in read_names(options.faults))
        if options.ci:
            shares = share_out(faults, brokers, CI_EVENTS / CI_RATE)
            jobs = [
                Job(
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
        else:
            events, rate = options.events or DEFAULT_EVENTS, options.rate or DEFAULT_RATE
            jobs = [Job(name, faults, events, rate, seed, folder / name) for name in brokers]
    return [dataclasses.replace(job, must_be_whole=must_be_whole) for job in jobs]


def plan_bugs(bug: str, seed: int, folder: Path, broker: str) -> list[Job]:
    """Return a run without a bug, which has to go well, and one with each of those asked for."""
    names = list(BUGS) if bug == ALL else [bug]
    control = Job(
        broker=broker,
        faults=tuple(
            FAULTS[fault] for fault in dict.fromkeys(one for n in names for one in BUGS[n].faults)
        ),
        events=BUG_EVENTS,
        rate=BUG_RATE,
        seed=seed,
        folder=folder / CONTROL,
        is_short=True,
        longest_wait=BUG_WAIT,
    )
    planted = [
        dataclasses.replace(
            control,
            faults=tuple(FAULTS[fault] for fault in BUGS[name].faults),
            folder=folder / name,
            bug=name,
        )
        for name in names
    ]
    return [control, *planted]
