"""How far an event, an effect or an attempt has come, in words: what happened and why."""

from datetime import datetime

from django.utils import timezone

from integrations.admin.explanations import explain_budget
from integrations.budget.words import end_sentence
from integrations.models import Budget
from webhooks.admin.words.durations import count, write_moment
from webhooks.models import Attempt, Effect, Event, Replay

State = Effect.State

STATES = {
    State.RUNNING: "A worker is at it. If that one does not come back, another takes over {due}.",
    State.SUCCEEDED: "Done, with {attempts}.",
    State.SKIPPED: "Nothing was done. {reason}",
    State.FAILED: "Not done, and not tried again, since it would fail the same way: {reason}",
    State.DEAD: "Given up after {attempts}. The last one said: {reason}",
    State.CLOSED: "{closing} It was not done: {reason}",
}

OUTCOMES = {
    Attempt.Outcome.RUNNING: "Not finished yet.",
    Attempt.Outcome.SUCCEEDED: "",
    Attempt.Outcome.TEMPORARY: "It failed for now.",
    Attempt.Outcome.PERMANENT: "It was refused for good.",
    Attempt.Outcome.LOST: "Its worker was lost.",
    Attempt.Outcome.DRY_RUN: "It was only rehearsed: nothing was sent.",
}
"""What an attempt of which no error is stored ended with."""


def explain_event(event: Event) -> str:
    """Return how far an event's processing has come."""
    # A replay puts the event back to pending, so whatever came since is that replay's doing.
    again = f" again, by replay {event.replay_id}" if event.replay_id else ""
    in_replay = f" in replay {event.replay_id}" if event.replay_id else ""
    if event.status == Event.Status.PROCESSED:
        return f"Taken into its conversation{again}, and its effects are planned."
    if event.status == Event.Status.IGNORED:
        looked_at = f" Looked at{again}." if again else ""
        return (
            "Stored, and nothing else: no route asks for anything when such an event comes."
            + looked_at
        )
    if event.status == Event.Status.HELD:
        return explain_hold(event)
    if event.status in Event.RETRYABLE:
        return explain_stopped(event, in_replay)
    now = timezone.now()
    if not event.error:
        return explain_waiting(event, again, now)
    return (
        f"Processing failed, {count(event.attempts, 'time')} by now: {end_sentence(event.error)}"
        f" Nothing is lost: it is tried again by itself, {write_moment(event.due_at, now)}."
    )


def explain_hold(event: Event) -> str:
    """Return why an event is put aside."""
    source = event.source
    if source.paused_at is None:
        return f"Put aside while its source {source} was paused. It is taken up again in a moment."
    return (
        f"Stored and put aside, since {source.paused_by} has paused its source {source}:"
        f" {end_sentence(source.paused_reason)}"
    )


def explain_waiting(event: Event, again: str, now: datetime) -> str:
    """Return what is the matter at `now` with a pending event of which nobody has said a word."""
    if not event.attempts:
        return f"Waiting for a worker{again}."
    # Counted when it is claimed; from then on it is due when the claim's lease ends.
    is_claimed = event.due_at > now
    lost = event.attempts - is_claimed
    if not lost:
        return f"A worker is at it{again}. If that one does not come back, another takes over."
    told = f"Its worker was lost, {count(lost, 'time')} by now: what it says may be to blame."
    return f"{told} {'Another worker is at it.' if is_claimed else 'It is tried again by itself.'}"


def explain_stopped(event: Event, in_replay: str) -> str:
    """Return why nothing more is done about an event."""
    said = end_sentence(event.error)
    if event.status == Event.Status.CLOSED:
        return f"{explain_closing(event.replay)} Its processing had failed: {said}"
    if event.status == Event.Status.DEAD:
        return f"Given up{in_replay} after {count(event.attempts, 'attempt')}: {said}"
    return (
        f"Processing failed{in_replay} and is not tried again, since it would fail the same way:"
        f" {said}"
    )


def explain_closing(replay: Replay | None) -> str:
    """Return who has closed a row, and why."""
    if replay is None:
        return "Closed: it waits for nobody any more."
    return f"Closed by {replay.person}: {end_sentence(replay.reason)}"


def explain_effect(effect: Effect, budget: Budget | None = None) -> str:
    """Return how far an effect has come; `budget` is its integration's, where it has one."""
    now = timezone.now()
    if effect.state == State.PENDING:
        return explain_pending(effect, budget, now)
    return (
        STATES[State(effect.state)]
        .format(
            reason=end_sentence(effect.reason) if effect.reason else "",
            attempts=count(effect.attempts_made, "attempt"),
            closing=explain_closing(effect.replay) if effect.state == State.CLOSED else "",
            due=write_moment(effect.due_at, now),
        )
        .strip()
    )


def explain_pending(effect: Effect, budget: Budget | None, now: datetime) -> str:
    """Return what a pending effect waits for."""
    told = []
    if effect.attempts_made and effect.reason:
        told.append(
            f"Not done yet after {effect.attempts_made} of {effect.attempts_limit} attempts:"
            f" {end_sentence(effect.reason)}"
        )
    elif effect.reason:
        told.append(end_sentence(effect.reason))
    if budget is not None and is_closed(budget, now):
        told.append(f"{effect.get_integration_display()}: {explain_budget(budget, now)}")
    elif effect.due_at > now:
        told.append(f"Next try {write_moment(effect.due_at, now)}.")
    else:
        told.append("Waiting for a worker.")
    return " ".join(told)


def is_closed(budget: Budget, now: datetime) -> bool:
    """Tell whether the integration's effects wait, whatever each of them waits for itself."""
    return budget.read_state(now) not in (Budget.State.OPEN, Budget.State.HALF_OPEN)


def explain_attempt(attempt: Attempt) -> str:
    """Return what an attempt ended with; nothing where it went well."""
    if attempt.outcome == Attempt.Outcome.RUNNING:
        return OUTCOMES[Attempt.Outcome.RUNNING]
    return attempt.error or attempt.error_class or OUTCOMES[Attempt.Outcome(attempt.outcome)]
