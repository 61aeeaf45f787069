"""The dashboard's backlog of events: what waits for workers, for a source, or for people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from webhooks.admin.dashboard.parts import (
    CAP,
    Block,
    Figure,
    Finding,
    Urgency,
    say_capped,
    say_span,
    write_capped,
)
from webhooks.admin.dashboard.window import MINUTE, Look
from webhooks.admin.words.links import list_of
from webhooks.models import Event

Status = Event.Status

LATE, VERY_LATE = MINUTE, 5 * MINUTE
"""How long an event may be due before somebody should know, and before somebody must."""

COUNT = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM webhooks_event WHERE status = 'pending' ORDER BY due_at, id LIMIT %(most)s
    ) AS pending),
    (SELECT count(*) FROM (
        SELECT FROM webhooks_event WHERE status = 'pending' AND attempts > 0
        ORDER BY due_at, id LIMIT %(most)s
    ) AS tried),
    (SELECT due_at FROM webhooks_event
        WHERE status = 'pending' AND due_at <= statement_timestamp() ORDER BY due_at, id LIMIT 1),
    (SELECT count(*) FROM (
        SELECT FROM webhooks_event WHERE status = 'held' ORDER BY id DESC LIMIT %(most)s
    ) AS held),
    (SELECT count(*) FROM (
        SELECT FROM webhooks_event WHERE status IN ('failed', 'dead') ORDER BY id LIMIT %(most)s
    ) AS stopped)
"""
"""In an order, so that Postgres takes the index that holds these alone."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait for what, counted up to one more than `CAP`."""

    pending: int
    tried: int
    oldest_due_at: datetime | None
    held: int
    stopped: int


def count_backlog() -> Backlog:
    """Return what of the events is not done."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"most": CAP + 1})
        return Backlog(*(cursor.fetchone() or ()))


def show_backlog(look: Look) -> Block:
    """Return what waits to be processed, and since when."""
    backlog = count_backlog()
    oldest = backlog.oldest_due_at
    age = look.now - oldest if oldest else timedelta()
    return Block(
        name="backlog",
        title="Events that are not done",
        figures=[
            Figure(
                text=write_capped(backlog.pending),
                label="wait for a worker",
                url=list_of(Event, {"status__exact": Status.PENDING.value}),
                tone=find_tone(age),
                detail=f"the oldest for {say_span(age)}" if oldest else "",
            ),
            Figure(
                text=write_capped(backlog.tried),
                label="had an error, and are tried again",
                url=list_of(Event, {"status__exact": Status.PENDING.value}),
                detail="part of those that wait",
            ),
            Figure(
                text=write_capped(backlog.held),
                label="held on purpose",
                url=list_of(Event, {"status__exact": Status.HELD.value}),
                detail="their source is paused",
            ),
            Figure(
                text=write_capped(backlog.stopped),
                label="need somebody",
                url=list_of(Event, {"needs": "people"}),
                tone="warning" if backlog.stopped else "",
                detail="failed or given up",
            ),
        ],
        findings=find_delays(backlog, age),
        is_wide=True,
    )


def find_tone(age: timedelta) -> str:
    """Return the colour of a delay."""
    return "danger" if age > VERY_LATE else "warning" if age > LATE else ""


def find_delays(backlog: Backlog, age: timedelta) -> list[Finding]:
    """Return what of the backlog somebody should know."""
    findings = []
    if age > LATE:
        verb = "waits" if backlog.pending == 1 else "wait"
        findings.append(
            Finding(
                Urgency.BROKEN if age > VERY_LATE else Urgency.SOON,
                f"{say_capped(backlog.pending, 'event', 'events')} {verb} to be processed, the"
                f" oldest for {say_span(age)}: the workers are not running, or do not keep up.",
                list_of(Event, {"status__exact": Status.PENDING.value}),
            )
        )
    if backlog.stopped:
        verb = "needs" if backlog.stopped == 1 else "need"
        findings.append(
            Finding(
                Urgency.SOON,
                f"{say_capped(backlog.stopped, 'event', 'events')} {verb} somebody: retry, or"
                " close with a reason.",
                list_of(Event, {"needs": "people"}),
            )
        )
    return findings
