"""What became of a row, in words: whose fault it is where something went wrong, and what to do."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince

from integrations.budget.words import end_sentence
from webhooks.models import Attempt, Delivery, Effect, Event, Replay, Source

MINUTE = 60.0
"""In seconds. What takes less is told in seconds."""

Outcome = Delivery.Outcome
Verification = Delivery.Verification

OUTCOMES = {
    Outcome.ACCEPTED: "Genuine and new: its event was stored and handed on.",
    Outcome.DUPLICATE: "Genuine, but its event had come before with the same body: nothing more"
    " to do.",
    Outcome.CONFLICT: "Genuine, but its event had come before with another body. The first body"
    " was kept; only the sender can say which one is right.",
}

VERIFICATIONS = {
    Verification.VERIFIED: "The signature holds.",
    Verification.MISSING: "The request had no header {source.signature_header}. Either it is not"
    " from the sender, or the sender calls the header something else.",
    Verification.MALFORMED: "What the header {source.signature_header} holds is not a signature as"
    " the source describes it: its encoding or prefix differs.",
    Verification.MISMATCH: "The signature fits none of the source's active secrets. Usually the"
    " secret was changed at the sender, the request was meant for another source, the sender signs"
    " other content than the source says, or something on the way changed the body.",
    Verification.NO_TIMESTAMP: "The request had no header {source.timestamp_header}.",
    Verification.BAD_TIMESTAMP: "The header {source.timestamp_header} holds no time that can be"
    " read.",
    Verification.STALE: "The signature is right, but its time is more than {source.replay_window} s"
    " away from ours. A clock is wrong, the request was held up on its way, or somebody sent an old"
    " one again.",
    Verification.NO_SECRET: "The source had no active secret. Add the one that the sender signs"
    " with.",
}

STATES = {
    Effect.State.RUNNING: "A worker is at it. If that one does not come back, another takes over.",
    Effect.State.SUCCEEDED: "Done, with {attempts}.",
    Effect.State.SKIPPED: "Nothing was done. {effect.reason}",
    Effect.State.FAILED: "The integration refused it: {effect.reason} Trying again helps once that"
    " is mended.",
    Effect.State.DEAD: "Given up after {attempts}. The last one said: {effect.reason} It can be"
    " retried.",
}


def explain_delivery(delivery: Delivery) -> str:
    """Return what became of a delivery, and why."""
    if delivery.outcome != Outcome.REJECTED:
        return OUTCOMES[Outcome(delivery.outcome)]
    if delivery.verification == Verification.VERIFIED:
        return f"Genuine, but it holds no event: {delivery.reason}. The sender has to mend that."
    meaning = explain_verification(delivery.verification, delivery.source)
    if delivery.verification == Verification.STALE and delivery.signed_at is not None:
        return f"{meaning} It was sent {explain_journey(delivery.signed_at, delivery.received_at)}."
    return meaning


def explain_journey(sent: datetime, received: datetime) -> str:
    """Return how long before it was received a delivery was sent; after it, if clocks differ."""
    earlier, later = sorted((sent, received))
    seconds = (later - earlier).total_seconds()
    length = count(round(seconds), "second") if seconds < MINUTE else timesince(earlier, later)
    return f"{length} {'before' if sent <= received else 'after'} it was received"


def explain_verification(verification: str, source: Source) -> str:
    """Return why a signature did not hold, and what that usually comes from."""
    return VERIFICATIONS[Verification(verification)].format(source=source)


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
    if event.status in Event.RETRYABLE:
        return explain_stopped(event, in_replay)
    if not event.error:
        return explain_waiting(event, again, timezone.now())
    due = date_format(timezone.localtime(event.due_at), "H:i:s")
    return (
        f"Processing failed, {count(event.attempts, 'time')} by now: {end_sentence(event.error)}"
        f" Nothing is lost: it is tried again by itself, at {due} or soon after."
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
    """Return why nothing more is done about an event, and what can be."""
    said = end_sentence(event.error)
    if event.status == Event.Status.CLOSED:
        return f"{explain_closing(event.replay)} Its processing had failed: {said}"
    if event.status == Event.Status.DEAD:
        tried = count(event.attempts, "attempt")
        return (
            f"Given up{in_replay} after {tried}: {said} Mend what is wrong, then retry the event."
        )
    return (
        f"Processing failed{in_replay} and is not tried again, since it would fail the same way:"
        f" {said} Mend what is wrong, then retry the event."
    )


def explain_closing(replay: Replay | None) -> str:
    """Return who has closed a row, and why."""
    if replay is None:
        return "Closed: it waits for nobody any more."
    return f"Closed by {replay.person}: {end_sentence(replay.reason)}"


def explain_effect(effect: Effect) -> str:
    """Return how far an effect has come."""
    if effect.state == Effect.State.CLOSED:
        return f"{explain_closing(effect.replay)} It was not done: {effect.reason}"
    if effect.state != Effect.State.PENDING:
        attempts = count(effect.attempts_made, "attempt")
        return STATES[Effect.State(effect.state)].format(effect=effect, attempts=attempts)
    if not effect.attempts_made:
        return "Waiting for a worker."
    return (
        f"Not done yet after {effect.attempts_made} of {effect.attempts_limit} attempts:"
        f" {effect.reason} It is tried again by itself."
    )


def explain_attempt(attempt: Attempt) -> str:
    """Return what an attempt ended with; nothing where it went well."""
    if attempt.outcome == Attempt.Outcome.RUNNING:
        return "Not finished yet."
    return attempt.error or attempt.error_class


def count(number: int, noun: str) -> str:
    """Return "1 time", "2 times"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
