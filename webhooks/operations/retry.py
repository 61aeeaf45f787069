"""Put right what waits for people: have stopped effects tried again, or close what is settled.

An effect that is tried again keeps its key, so nothing that was applied is applied again. Both
ways can be interrupted anywhere and asked for again. (Events are tried again by a replay.)
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, F, QuerySet

from integrations.base import Alias
from webhooks.models import Effect, Event, Replay
from webhooks.operations.selection import EffectSelection, read_batches, select_effects
from webhooks.processing.effects import retry_effects
from webhooks.processing.hints import hand_on
from webhooks.processing.sweep import find_admitted

logger = structlog.stdlib.get_logger(__name__)

BATCH = 500
"""Rows that are locked at a time: a worker that wants one of them waits no longer than that."""


LEFT_ALONE: Mapping[Effect.State, str] = {
    Effect.State.PENDING: "tried by itself, now or when its back-off is over",
    Effect.State.RUNNING: "under way",
    Effect.State.SUCCEEDED: "done",
    Effect.State.SKIPPED: "nothing to do",
    Effect.State.CLOSED: "closed already",
}
"""Why effects are left alone, by their states."""


@dataclass(frozen=True, slots=True)
class RetryPreview:
    """What a retry would do: how many effects run, by integration, and how many stay, by state.

    `waiting` are those of the integrations that take nothing for now, so that their effects wait
    until they do.
    """

    to_run: Mapping[str, int]
    left_alone: Mapping[str, int]
    waiting: Sequence[str]

    @property
    def rows(self) -> int:
        """How many effects would be run."""
        return sum(self.to_run.values())

    @property
    def total(self) -> int:
        """How many effects are meant."""
        return self.rows + sum(self.left_alone.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for something to be done, through which door, and why."""

    reason: str
    requested_by: User | None
    requested_from: str


@dataclass(frozen=True, slots=True)
class Handled:
    """The record of what was done, and to how many rows; those left alone are not among them."""

    replay: Replay
    rows: int


def preview_retry(effects: QuerySet[Effect]) -> RetryPreview:
    """Return what a retry of `effects` would do, without doing any of it."""
    to_run: Counter[str] = Counter()
    left_alone: Counter[str] = Counter()
    groups = effects.order_by().values_list("integration", "state").annotate(Count("pk"))
    for integration, state, number in groups:
        if state in Effect.RETRYABLE:
            to_run[integration] += number
        else:
            left_alone[state] += number
    admitted = find_admitted()
    return RetryPreview(
        to_run, left_alone, [alias for alias in sorted(to_run) if alias not in admitted]
    )


def count_closable(effects: QuerySet[Effect]) -> tuple[int, Counter[str]]:
    """Return how many of `effects` could be closed, and by state how many are left alone."""
    states = effects.order_by().values_list("state").annotate(Count("pk"))
    left_alone = Counter(dict(states))
    return sum(left_alone.pop(state, 0) for state in Effect.STOPPED), left_alone


def retry(
    selection: EffectSelection, asked: Asked, progress: Callable[[int], object] | None = None
) -> Handled:
    """Have the stopped effects that `selection` means tried again, and record who asked and why.

    Those that are done, on their way or not owed are left alone. `progress` is told for each
    batch how many effects were looked at. A broker that is down is no error: the effects are due,
    so the sweep finds them. Called by the `retry_effects` command and the admin.
    """
    row = make_record(Replay.Action.RETRY, asked, selection.describe())
    told: set[str] = set()
    rows = 0
    for batch in read_batches(select_effects(selection), BATCH):
        restarted = restart_effects(row, batch)
        # Once for each integration: whoever works there goes on by themselves.
        fresh = set(restarted) - told
        hand_on({cast("Alias", alias): restarted[alias] for alias in fresh})
        told |= fresh
        rows += restarted.total()
        if progress:
            progress(len(batch))
    row.refresh_from_db()
    logger.info("retried", replay=row.pk, effects_to_run=rows)
    return Handled(row, rows)


@transaction.atomic
def restart_effects(row: Replay, effect_pks: list[int]) -> Counter[str]:
    """Make the stopped ones among the effects pending again, for `row`, which counts them.

    Returns how many there were, by integration.
    """
    # Locked in one order, so that two people who retry the same effects wait for each other.
    locked = Effect.objects.filter(pk__in=effect_pks, state__in=Effect.RETRYABLE)
    locked = locked.order_by("pk").select_for_update(no_key=True)
    stopped = dict(locked.values_list("pk", "integration"))
    retry_effects(list(stopped), replay=row)
    Replay.objects.filter(pk=row.pk).update(
        effects_to_run=F("effects_to_run") + len(stopped),
        effects_kept=F("effects_kept") + len(effect_pks) - len(stopped),
    )
    return Counter(stopped.values())


def close_effects(selection: EffectSelection, asked: Asked) -> Handled:
    """Have the stopped effects that `selection` means wait for people no longer, and record why.

    Each keeps its key and what it said last, so nothing else takes its place. Called by the admin.
    """
    row = make_record(Replay.Action.CLOSING, asked, selection.describe())
    rows = 0
    for batch in read_batches(select_effects(selection), BATCH):
        with transaction.atomic():
            locked = Effect.objects.filter(pk__in=batch, state__in=Effect.STOPPED)
            locked = locked.order_by("pk").select_for_update(no_key=True)
            stopped = list(locked.values_list("pk", flat=True))
            Effect.objects.filter(pk__in=stopped).update(state=Effect.State.CLOSED, replay=row)
            closed = F("effects_closed") + len(stopped)
            Replay.objects.filter(pk=row.pk).update(effects_closed=closed)
        rows += len(stopped)
    row.refresh_from_db()
    logger.info("closed", replay=row.pk, effects=rows)
    return Handled(row, rows)


def close_events(event_pks: list[int], asked: Asked) -> Handled:
    """Have the stopped ones of the events wait for people no longer, and record who said why.

    Called by the admin.
    """
    row = make_record(Replay.Action.CLOSING, asked, {"events": len(event_pks)})
    rows = 0
    for batch in read_batches(Event.objects.filter(pk__in=event_pks), BATCH):
        with transaction.atomic():
            locked = Event.objects.filter(pk__in=batch, status__in=Event.STOPPED)
            locked = locked.order_by("pk").select_for_update(no_key=True)
            stopped = list(locked.values_list("pk", flat=True))
            Event.objects.filter(pk__in=stopped).update(status=Event.Status.CLOSED, replay=row)
            Replay.objects.filter(pk=row.pk).update(events=F("events") + len(stopped))
        rows += len(stopped)
    row.refresh_from_db()
    logger.info("closed", replay=row.pk, events=rows)
    return Handled(row, rows)


def make_record(action: Replay.Action, asked: Asked, selection: dict[str, object]) -> Replay:
    """Write down that a person asked for something, before any of it is done."""
    return Replay.objects.create(
        action=action,
        requested_by=asked.requested_by,
        requested_from=asked.requested_from,
        reason=asked.reason,
        selection=selection,
    )
