"""What became of a row, in words: whose fault it is where something went wrong, and what to do."""

from django.utils import timezone
from django.utils.formats import date_format

from webhooks.models import Attempt, Delivery, Effect, Event, Source

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
    Effect.State.SKIPPED: "Nothing was to be done. {effect.reason}",
    Effect.State.FAILED: "The integration refused it: {effect.reason} Trying again helps once that"
    " is mended.",
    Effect.State.DEAD: "Given up after {attempts}. The last one said: {effect.reason}",
}


def explain_delivery(delivery: Delivery) -> str:
    """Return what became of a delivery, and why."""
    if delivery.outcome != Outcome.REJECTED:
        return OUTCOMES[Outcome(delivery.outcome)]
    if delivery.verification == Verification.VERIFIED:
        return f"Genuine, but it holds no event: {delivery.reason}. The sender has to mend that."
    return explain_verification(delivery.verification, delivery.source)


def explain_verification(verification: str, source: Source) -> str:
    """Return why a signature did not hold, and what that usually comes from."""
    return VERIFICATIONS[Verification(verification)].format(source=source)


def explain_event(event: Event) -> str:
    """Return how far an event's processing has come."""
    if event.status == Event.Status.PROCESSED:
        return "Taken into its conversation, and its effects are planned."
    if event.status == Event.Status.IGNORED:
        return "Stored, and nothing else: no route asks for anything when such an event comes."
    if event.status == Event.Status.FAILED:
        return (
            f"Processing failed and is not tried again: {event.error}. Mend what is wrong, then"
            " replay the event."
        )
    if not event.error:
        return "Waiting for a worker."
    due = date_format(timezone.localtime(event.due_at), "H:i:s")
    return (
        f"Processing failed, {count(event.attempts, 'time')} by now: {event.error}. Nothing is"
        f" lost: it is tried again by itself, at {due} or soon after."
    )


def explain_effect(effect: Effect) -> str:
    """Return how far an effect has come."""
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
