"""How far a run is, and what has become of its rows since."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from webhooks.admin.words.labels import render_label
from webhooks.models import Effect, Event, Replay

State = Replay.State
Action = Replay.Action

MOST = 10_000
"""Rows of a run whose states are counted: the page is asked for again and again."""

QUICKLY = 2
SLOWLY = 5
"""Seconds between two looks: at a run under way, and at rows that workers are still at."""

LONGEST = timedelta(hours=1)
"""How long after its end a run's rows are looked at again by themselves."""

HEADINGS: Mapping[str, str] = {
    State.WAITING: "Waiting for a worker",
    State.RUNNING: "Under way",
    State.FINISHED: "Finished",
    State.STOPPED: "Stopped",
    State.FAILED: "Failed",
}

GOES_ON = "It goes on in the background: you may leave this page, and find it again in the list."

MEANINGS: Mapping[str, str] = {
    State.WAITING: f"It begins as soon as a worker is free. {GOES_ON}",
    State.RUNNING: GOES_ON,
    State.FINISHED: "All that was chosen has been dealt with.",
    State.STOPPED: "What was done by then stays so. For the rest, ask for it again.",
    State.FAILED: "It ended before its time, by a fault of Switchboard's. What was done by then"
    " stays so. Tell whoever runs Switchboard; then ask for it again.",
}

COUNTS: Mapping[str, Sequence[tuple[str, str]]] = {
    Action.REPLAY: [
        ("events", "Events to be processed again"),
        ("effects_to_run", "Effects to be run for them"),
        ("effects_kept", "Effects left alone"),
    ],
    Action.RETRY: [
        ("effects_to_run", "Effects to be tried again"),
        ("effects_kept", "Effects left alone"),
    ],
    Action.REDO: [
        ("effects_to_run", "Effects to be done a second time"),
        ("effects_kept", "Effects left alone"),
    ],
    Action.CLOSING: [
        ("events", "Events closed"),
        ("effects_closed", "Effects closed"),
        ("effects_kept", "Effects left alone"),
    ],
}
"""What a run of each kind counts."""

UNFINISHED = {Event.Status.PENDING, Effect.State.PENDING, Effect.State.RUNNING}


@dataclass(frozen=True, slots=True)
class RowsNow:
    """The states that a run's rows of one kind are in now, as labels that lead to them.

    `is_open` tells whether workers are still at some, `is_whole` whether all were counted.
    """

    name: str
    href: str
    labels: Sequence[SafeString]
    is_open: bool
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """What a run's page says of how far it is. `refresh` is in seconds; none: it stays so."""

    state: str
    heading: str
    meaning: str
    looked_at: str
    percent: int | None
    counts: Sequence[tuple[str, str]]
    rows: Sequence[RowsNow]
    is_under_way: bool
    refresh: int | None


def describe_progress(run: Replay, reader: User | AnonymousUser) -> RunProgress:
    """Return how far the run is, with as much of its rows as `reader` may see."""
    is_under_way = run.state in Replay.UNDER_WAY
    rows = list(list_rows(run, reader))
    return RunProgress(
        state=run.state,
        heading=HEADINGS[run.state],
        meaning=explain_run(run),
        looked_at=say_looked_at(run),
        percent=find_percent(run),
        counts=[
            (words, f"{number:,}")
            for column, words in COUNTS[run.action]
            if (number := getattr(run, column))
        ],
        rows=rows,
        is_under_way=is_under_way,
        refresh=find_refresh(run, rows, is_under_way=is_under_way),
    )


def explain_run(run: Replay) -> str:
    """Return what the run's state means."""
    meaning = MEANINGS[run.state]
    if run.state in Replay.UNDER_WAY and run.is_stopping:
        return "It ends as soon as the rows that are just being dealt with are done."
    if run.state in Replay.UNDER_WAY and run.error:
        return f"{run.error}. It is tried again by itself, and given up after a while."
    if run.state == State.STOPPED and run.stopped_by:
        return f"By {run.stopped_by.get_username()}. {meaning}"
    if run.state == State.FAILED and run.error:
        return f"{meaning} It said: {run.error}"
    return meaning


def say_looked_at(run: Replay) -> str:
    """Return how many rows were dealt with, of how many as far as they are counted."""
    if not run.found:
        return f"{run.looked_at:,} dealt with"
    # Rows may have come to match after they were counted.
    return f"{run.looked_at:,} of {max(run.found, run.looked_at):,} dealt with"


def find_percent(run: Replay) -> int | None:
    """Return how much is done; nothing where that is not known."""
    if run.state == State.FINISHED:
        return 100
    return min(100, 100 * run.looked_at // run.found) if run.found else None


def find_refresh(run: Replay, rows: Sequence[RowsNow], *, is_under_way: bool) -> int | None:
    """Return in how many seconds the page is worth another look."""
    if is_under_way:
        return QUICKLY
    is_recent = run.finished_at is not None and timezone.now() - run.finished_at < LONGEST
    return SLOWLY if is_recent and any(row.is_open for row in rows) else None


def list_rows(run: Replay, reader: User | AnonymousUser) -> Iterator[RowsNow]:
    """Yield what has become of the run's events and effects, as far as `reader` may see them."""
    for model, column, choices in (
        (Event, "status", Event.Status),
        (Effect, "state", Effect.State),
    ):
        name = model._meta.model_name  # noqa: SLF001 -- documented API
        if not reader.has_perm(f"webhooks.view_{name}"):
            continue
        rows: QuerySet[Any] = model._default_manager.order_by()  # noqa: SLF001 -- documented API
        counted = rows.filter(pk__in=rows.filter(replay=run).values("pk")[:MOST])
        states = dict(counted.values_list(column).annotate(Count("pk")))
        if not states:
            continue
        href = f"{reverse(f'admin:webhooks_{name}_changelist')}?replay__id__exact={run.pk}"
        yield RowsNow(
            name=f"{name}s",
            href=href,
            labels=[
                render_label(
                    choices(state),
                    f"{number:,} {choices(state).label}",
                    href=f"{href}&{column}__exact={state}",
                )
                for state, number in sorted(states.items())
            ],
            is_open=bool(UNFINISHED & states.keys()),
            is_whole=sum(states.values()) < MOST,
        )
