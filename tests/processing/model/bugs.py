"""Bugs that the model has to find: each undoes one thing that the engine takes care of."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from webhooks.models import Attempt, Effect, Event
from webhooks.processing import (
    batches,
    candidates,
    claims,
    effects,
    events,
    holding,
    routing,
    sweep,
    verdicts,
)
from webhooks.processing.batches import Batch
from webhooks.processing.verdicts import Verdict

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug, the scene in which it shows, and the rule that it breaks."""

    plant: Callable[[Patch], None]
    scene: str
    rule: str


@contextmanager
def planted(bug: Bug, patch: Patch) -> Iterator[None]:
    """Have the engine work with the bug for the block."""
    with patch.context() as own:
        bug.plant(own)
        candidates.build_statement.cache_clear()
        try:
            yield
        finally:
            candidates.build_statement.cache_clear()


def leave_out(patch: Patch, module: ModuleType, name: str, words: str, instead: str = "") -> None:
    """Leave words out of a statement, which has to have them."""
    statement = getattr(module, name)
    assert statement.count(words) == 1
    patch.setattr(module, name, statement.replace(words, instead))


def claim_what_runs(patch: Patch) -> None:
    """Claim without a look at the lease."""
    due = "AND webhooks_effect.due_at <= statement_timestamp()"
    leave_out(patch, candidates, "FIND", due, "AND (state = 'running' OR " + due[4:] + ")")


def record_whose_ever(patch: Patch) -> None:
    """Record a result without a look at the lease."""
    leave_out(patch, effects, "RECORD", "AND state = 'running' AND lease = %(lease)s")


def pass_over_what_runs(patch: Patch) -> None:
    """Let the sweep look at what is pending alone."""
    leave_out(patch, candidates, "COUNT", "state IN ('pending', 'running')", "state = 'pending'")


def retry_what_runs(patch: Patch) -> None:
    """Let people's retry reset what a worker has claimed."""
    patch.setattr(Effect, "RETRYABLE", (*Effect.RETRYABLE, Effect.State.RUNNING))


def retry_what_succeeded(patch: Patch) -> None:
    """Let people's retry run again what was applied."""
    patch.setattr(Effect, "RETRYABLE", (*Effect.RETRYABLE, Effect.State.SUCCEEDED))


def make_keys_of_events(patch: Patch) -> None:
    """Give usage a key of the event instead of the conversation."""
    patch.setattr(routing, "make_key", lambda _route, subject, event, *_: f"{subject}:{event.pk}")


def take_no_turns(patch: Patch) -> None:
    """Update a conversation by as many workers as like."""
    for module in (candidates, claims):
        patch.setattr(module, "IN_TURN", frozenset())


def never_wear_out(patch: Patch) -> None:
    """Claim again what its workers die of, for ever."""
    patch.setattr(claims, "is_worn_out", lambda _effect: False)


def forget_lost_attempts(patch: Patch) -> None:
    """Leave the attempt of a lost worker running when another begins."""
    patch.setattr(claims, "mark_lost", lambda _effect: None)


def give_up_when_cut_off(patch: Patch) -> None:
    """Take a lost connection for a refusal."""

    def refuse(error_class: str, failure: Exception) -> Verdict:
        outcome = Attempt.Outcome.PERMANENT
        return Verdict(outcome, error_class=error_class, error=str(failure))

    patch.setattr(verdicts, "fail_for_now", refuse)


def claim_events_at_work(patch: Patch) -> None:
    """Claim events without a look at the lease."""
    due = "AND due_at <= statement_timestamp()"
    leave_out(patch, batches, "CLAIM_TRIED", due)


def process_whose_ever(patch: Patch) -> None:
    """Process events without a look at who has claimed them last."""

    def find_pending(batch: Batch) -> Any:
        return Event.objects.filter(pk__in=batch.keys, status=Event.Status.PENDING)

    patch.setattr(events, "find_ours", find_pending)


def pass_over_lost_events(patch: Patch) -> None:
    """Let the sweep look at events alone that were never tried."""
    pending = "status = 'pending'"
    leave_out(patch, batches, "COUNT_DUE", pending, f"{pending} AND attempts = 0")


def release_what_is_paused(patch: Patch) -> None:
    """Let the sweep release what is held without a look at its source."""
    leave_out(patch, holding, "RELEASE_HELD", "WHERE source.paused_at IS NULL")


def leave_what_is_held(patch: Patch) -> None:
    """Let the sweep look at what is pending alone."""
    patch.setattr(sweep, "release_held", lambda: 0)


def hold_under_the_claim(patch: Patch) -> None:
    """Hold events and leave the worker's claim on them."""

    def hold(claimed: Iterable[Event]) -> list[Event]:
        found = list(claimed)
        held = [event.pk for event in found if event.source.paused_at is not None]
        Event.objects.filter(pk__in=held).update(status=Event.Status.HELD)
        return [event for event in found if event.pk not in held]

    patch.setattr(events, "hold_paused", hold)


BUGS = {
    "claim without lease": Bug(
        claim_what_runs, "an effect", "an effect has one live claim at most"
    ),
    "record without lease": Bug(
        record_whose_ever, "an effect", "who has lost the lease records nothing of the effect"
    ),
    "sweep without running rows": Bug(
        pass_over_what_runs, "an effect", "whatever waits is found by the sweep"
    ),
    "retry of running rows": Bug(
        retry_what_runs,
        "an effect that people revive",
        "an effect is its worker's own until the lease ends",
    ),
    "retry of what succeeded": Bug(
        retry_what_succeeded, "an effect that people revive", "succeeded stays succeeded"
    ),
    "key of the event": Bug(
        make_keys_of_events, "an end that is told twice", "a fact is applied under one key"
    ),
    "no turns": Bug(
        take_no_turns,
        "updates of a conversation",
        "of a conversation's updates one has a live claim at most",
    ),
    "no bound on lost workers": Bug(
        never_wear_out, "an effect", "an effect has no more attempts than may be"
    ),
    "lost attempts left running": Bug(
        forget_lost_attempts,
        "an effect",
        "a running effect has one running attempt, under its lease, and no other has any",
    ),
    "lost connection taken for a refusal": Bug(
        give_up_when_cut_off, "an effect", "what was applied does not end as if nothing had been"
    ),
    "claim of events without lease": Bug(
        claim_events_at_work, "an event", "an event has one live claim at most"
    ),
    "events of another worker": Bug(
        process_whose_ever, "an event", "who has lost an event records nothing of it"
    ),
    "sweep without lost events": Bug(
        pass_over_lost_events, "an event", "whatever waits is found by the sweep"
    ),
    "release of what is paused": Bug(
        release_what_is_paused,
        "an event of a source that people pause",
        "what is held is released by the sweep, once its source is not paused",
    ),
    "sweep without held events": Bug(
        leave_what_is_held,
        "an event of a source that people pause",
        "whatever waits is found by the sweep",
    ),
    "held under its claim": Bug(
        hold_under_the_claim,
        "an event of a source that people pause",
        "what is held is nobody's, and begins anew",
    ),
}
