"""One run: the world, the sender and the faults, until all is quiet; and what came of it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.books import read_books
from tests.faults.downstream import Downstream
from tests.faults.fault import Fault
from tests.faults.journal import read_journal
from tests.faults.outcome import Outcome, tell_incidents
from tests.faults.plan import Script, plan_long, plan_short
from tests.faults.reckoning import Evidence, Reckoning, reckon
from tests.faults.refusals import judge_door
from tests.faults.schedule import Breaker, Incident
from tests.faults.sending import Sender
from tests.faults.traffic import Traffic
from tests.faults.tries import TryReader
from tests.faults.unbroken import find_obstructed, find_unbroken
from tests.faults.watch import Watch, find_recovery, find_usual
from tests.faults.world import World

SLUG, SECRET = "faults", "what-the-harness-signs-with"
LEAD = 3.0
"""Seconds until the first delivery is due: the sender has to plan them all first."""
PULSE = 0.2
"""Seconds between two looks at how far it is."""
QUIET = 3.0
"""Seconds without anything open that count as quiet."""
SENDING_LIMIT = 180.0
"""Seconds beyond the plan for which the sender may still be at it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to run, on one broker."""

    broker: str
    faults: tuple[Fault, ...]
    events: int
    rate: float
    seed: int
    folder: Path
    bug: str = ""
    is_short: bool = False
    longest_wait: float = 600.0
    """Seconds for which all may take to be quiet, once nothing is sent or broken any more."""
    must_be_whole: bool = False
    """Whether it is a finding where a fault can't be done here."""

    def plan(self, faults: Sequence[Fault]) -> Script:
        """Say which of `faults` comes when."""
        plan = plan_short if self.is_short else plan_long
        return plan(faults, self.events, self.rate, self.seed)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, for people to see."""

    stage: str
    acked: int
    events: int
    open_rows: int | None = None
    broken: tuple[str, ...] = ()


logger = logging.getLogger(__name__)

Show = Callable[[Progress], None]


def run(job: Job, show: Show) -> Outcome:
    """Run the job, and return what came of it; nothing that it started is left running.

    Raises what the world does where it cannot be started.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    show(Progress("starting", 0, job.events))
    outcome: Outcome | None = None
    try:
        with (
            Downstream(job.folder, job.seed) as downstream,
            World(job.folder, job.broker, downstream.url, job.bug, job.seed) as world,
        ):
            world.downstream = downstream
            outcome = run_in(world, downstream, job, show)
    except Exception:
        if outcome is None:
            raise
        logger.exception("not all that was started has ended as it should")
    assert outcome is not None
    return outcome


def run_in(world: World, downstream: Downstream, job: Job, show: Show) -> Outcome:
    """Run the job in a world that has been started, and return what came of it."""
    world.create_source(SLUG, SECRET)
    obstacles = {one.name: found for one in job.faults if (found := one.find_obstacle(world))}
    script = job.plan([one for one in job.faults if one.name not in obstacles])
    traffic = Traffic(job.seed, job.events, script.rate, time.time() + LEAD, script.bursts)
    sender = Sender(f"{world.url}/webhooks/{SLUG}/", SECRET, traffic, job.folder)
    is_sending = [True]
    with (
        sender,
        Watch(
            sender.log,
            downstream.journal,
            world.database_url,
            lambda: is_sending[0],
            world.broker.add_up,
        ) as watch,
    ):
        breaker = build_breaker(world, script, watch)
        try:
            send(job, script, world, sender, watch, breaker, show)
        finally:
            breaker.stop()
        world.mend()
        is_all_acked = finish_sending(job, sender, watch, show)
        is_sending[0] = False
        is_quiet = wait_until_quiet(job, watch, show) and is_all_acked
        ended = time.time()
    show(Progress("reckoning", len(watch.acked), job.events))
    tries = list(TryReader(sender.log).read())
    latencies = sorted(one.latency for one in tries if one.is_acked)
    evidence = Evidence(
        traffic, tries, read_journal(downstream.journal), read_books(world.database_url)
    )
    incidents = breaker.incidents
    return Outcome(
        broker=job.broker,
        seed=job.seed,
        bug=job.bug,
        rate=script.rate,
        seconds=ended - traffic.epoch,
        samples=tuple(replace(one, at=one.at - traffic.epoch) for one in watch.samples),
        incidents=tell_incidents(incidents, watch.samples, tries, traffic.epoch, ended),
        reckoning=judge(job, evidence, incidents, obstacles),
        is_quiet=is_quiet,
        obstacles=obstacles,
        p99=latencies[int(len(latencies) * 0.99)] if latencies else 0.0,
    )


def judge(
    job: Job, evidence: Evidence, incidents: Sequence[Incident], obstacles: Mapping[str, str]
) -> Reckoning:
    """Return the reckoning, with what was found at the door and what was not even broken."""
    reckoning = reckon(evidence, incidents)
    judged, refusals = judge_door(evidence.tries, incidents)
    planned = [one.name for one in job.faults if one.name not in obstacles]
    findings = [
        *reckoning.findings,
        *refusals,
        *find_unbroken(planned, incidents, reckoning.poisoned),
        *(find_obstructed(obstacles) if job.must_be_whole else ()),
    ]
    return replace(reckoning, judged=judged, findings=tuple(findings))


def build_breaker(world: World, script: Script, watch: Watch) -> Breaker:
    """Return the breaker of the script, which goes by what the watch sees."""

    def has_recovered(incidents: Sequence[Incident]) -> bool:
        usual = find_usual(watch.samples, incidents[0].began)
        return find_recovery(watch.samples, usual, incidents[-1].ended) is not None

    return Breaker(
        world, script.alone, script.alone_until, script.together, script.until, has_recovered
    )


def send(  # noqa: PLR0917 -- one of each thing that takes part
    job: Job,
    script: Script,
    world: World,
    sender: Sender,
    watch: Watch,
    breaker: Breaker,
    show: Show,
) -> None:
    """Send all while things break, by the script; returns when both are through with it."""
    time.sleep(LEAD)
    breaker.start()
    deadline = time.monotonic() + script.seconds + SENDING_LIMIT
    while time.monotonic() < deadline:
        sender.poison(world.poison_markers)
        rows = watch.rows
        broken = tuple(sorted(one.name for one in breaker.active))
        left = rows.open if rows else None
        show(Progress("sending", len(watch.acked), job.events, left, broken))
        if sender.is_done and breaker.join(0):
            return
        time.sleep(PULSE)


def finish_sending(job: Job, sender: Sender, watch: Watch, show: Show) -> bool:
    """Let the sender come to its end with all mended; return whether all is acknowledged."""
    sender.poison(())
    deadline = time.monotonic() + SENDING_LIMIT
    while not sender.is_done:
        if time.monotonic() > deadline:
            return False
        show(Progress("delivering the rest", len(watch.acked), job.events))
        time.sleep(PULSE)
    return True


def wait_until_quiet(job: Job, watch: Watch, show: Show) -> bool:
    """Return True once nothing has been open for a while, False where that takes too long."""
    deadline = time.monotonic() + job.longest_wait
    quiet_since: float | None = None
    while time.monotonic() < deadline:
        now, rows = time.monotonic(), watch.rows
        show(Progress("waiting", len(watch.acked), job.events, rows.open if rows else None))
        if rows is None or rows.open:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = now
        elif now - quiet_since >= QUIET:
            return True
        time.sleep(PULSE)
    return False
