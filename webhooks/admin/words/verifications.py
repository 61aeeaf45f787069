"""What became of a delivery at the door, in words: why, whose fault it is, and what to do."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime

from integrations.budget.words import end_sentence
from webhooks.admin.words.advice import Advice, Place, Whose
from webhooks.admin.words.durations import write_length
from webhooks.models import Delivery, SigningSecret, Source

Outcome = Delivery.Outcome
Verification = Delivery.Verification
Cause = Delivery.Cause

OUTCOMES = {
    Outcome.ACCEPTED: "Genuine and new: its event was stored and handed on.",
    Outcome.DUPLICATE: "Genuine, but its event had come before with the same body: nothing more"
    " to do.",
    Outcome.CONFLICT: "Genuine, but its event had come before with another body. The first body"
    " was kept.",
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
    Verification.NO_SECRET: "The source had no active secret.",
}

CAUSES = {
    Cause.RETIRED_SECRET: "It is signed with a secret of this source that was retired",
    Cause.OTHER_SOURCE: "It is signed with the secret of another source",
    Cause.OTHER_FORMAT: "It is signed with the right secret, read in another format than the source"
    " says",
    Cause.OTHER_SCHEME: "It is signed with the right secret in another vendor's way than the source"
    " says",
    Cause.OTHER_CONTENT: "It is signed with the right secret, over other content than the source"
    " says",
    Cause.OTHER_TIMESTAMP: "It is signed with the right secret, but its timestamp or id is written"
    " elsewhere, or otherwise, than the source says",
    Cause.OTHER_HEADER: "The signature is right, but in another header than the source says",
    Cause.OTHER_ENCODING: "The signature is right, but written in another encoding than the source"
    " says",
    Cause.CHANGED_BODY: "It is signed with the right secret, but the body was changed on the way",
    Cause.UNSIGNED: "It is not signed at all",
    Cause.UNREADABLE: "What it has for a signature is of no form that is known",
    Cause.UNKNOWN: "Every usual way of signing was tried: the secret is another one, another body"
    " was signed, or it is not from the sender",
}
"""What trying has found; the detail follows, and the full stop."""

TO_SOURCE = Place.SOURCE
SETTINGS = Advice(Whose.SETUP, "Change the source's settings to how the sender signs.", TO_SOURCE)
ADVICE_ON_CAUSES = {
    Cause.RETIRED_SECRET: Advice(
        Whose.SENDER,
        "The sender still signs with the old secret. Have it use the new one; if that takes time,"
        " add the old one to the source once more.",
        TO_SOURCE,
    ),
    Cause.OTHER_SOURCE: Advice(
        Whose.SETUP,
        "The sender posts to the wrong address. Correct the address of the subscription there.",
        TO_SOURCE,
    ),
    Cause.OTHER_FORMAT: SETTINGS,
    Cause.OTHER_SCHEME: SETTINGS,
    Cause.OTHER_CONTENT: SETTINGS,
    Cause.OTHER_TIMESTAMP: SETTINGS,
    Cause.OTHER_HEADER: SETTINGS,
    Cause.OTHER_ENCODING: SETTINGS,
    Cause.CHANGED_BODY: Advice(
        Whose.SETUP,
        "Something between the sender and Switchboard rewrites bodies, such as a proxy or a"
        " firewall. Have whoever looks after the network switch that off for this address.",
    ),
    Cause.UNSIGNED: Advice(
        Whose.SENDER,
        "If it is from the sender, have a signing secret set for the subscription there. A stranger"
        " who only tries needs nothing: nothing was read.",
        TO_SOURCE,
    ),
    Cause.UNREADABLE: SETTINGS,
    Cause.UNKNOWN: Advice(
        Whose.SENDER,
        "If the secret was changed at the sender, add the new one to the source. A stranger who"
        " only tries needs nothing: nothing was read.",
        TO_SOURCE,
    ),
}

ADVICE = {
    Verification.VERIFIED: Advice(
        Whose.SENDER, "The sender has to mend that. What was sent is not stored."
    ),
    Verification.MISSING: Advice(
        Whose.SENDER,
        "Have a signing secret set for the subscription at the sender, or correct the header's name"
        " in the source's settings.",
        TO_SOURCE,
    ),
    Verification.MALFORMED: SETTINGS,
    Verification.MISMATCH: ADVICE_ON_CAUSES[Cause.UNKNOWN],
    Verification.NO_TIMESTAMP: Advice(
        Whose.SETUP,
        "Correct the name of the timestamp's header in the source's settings.",
        TO_SOURCE,
    ),
    Verification.BAD_TIMESTAMP: Advice(
        Whose.SENDER,
        "The time must be in seconds, in milliseconds or as ISO 8601. See whether the header's name"
        " in the source's settings is right, or ask the sender.",
        TO_SOURCE,
    ),
    Verification.STALE: Advice(
        Whose.SENDER,
        "If it happens again, have the sender's clock checked, and ours. If its deliveries are"
        " often late, allow more time in the source's settings.",
        TO_SOURCE,
    ),
    Verification.NO_SECRET: Advice(
        Whose.SETUP, "Add the secret that the sender signs with.", TO_SOURCE
    ),
}
ON_CONFLICT = Advice(
    Whose.SENDER,
    "One id must not stand for two things, and only the sender can say which is right. What was"
    " done rests on the first.",
)


def explain_delivery(delivery: Delivery) -> str:
    """Return what became of a delivery, and why."""
    if delivery.outcome == Outcome.CONFLICT and delivery.differences:
        return f"{OUTCOMES[Outcome.CONFLICT]} {explain_differences(delivery.differences)}"
    if delivery.outcome != Outcome.REJECTED:
        return OUTCOMES[Outcome(delivery.outcome)]
    if delivery.verification == Verification.VERIFIED:
        return f"Genuine, but it holds no event: {end_sentence(delivery.reason)}"
    if delivery.cause:
        return explain_cause(delivery.cause, delivery.cause_detail)
    if delivery.verification == Verification.STALE and delivery.signed_at is not None:
        return explain_staleness(delivery.signed_at, delivery.received_at, delivery.source)
    return explain_verification(delivery.verification, delivery.source)


def advise_delivery(delivery: Delivery) -> Advice | None:
    """Return whose fault it is that a delivery was not taken, and what to do; else None."""
    if delivery.outcome == Outcome.CONFLICT:
        return ON_CONFLICT
    if delivery.outcome != Outcome.REJECTED:
        return None
    advice = ADVICE[Verification(delivery.verification)]
    if delivery.cause:
        advice = ADVICE_ON_CAUSES[Cause(delivery.cause)]
    return advice.at(source=delivery.source_id)


def explain_verification(verification: str, source: Source) -> str:
    """Return why a signature did not hold, and what that usually comes from."""
    return VERIFICATIONS[Verification(verification)].format(source=source)


def explain_cause(cause: str, detail: str) -> str:
    """Return why a signature did not match, as far as trying has found."""
    return f"{CAUSES[Cause(cause)]}{f' ({detail})' if detail else ''}."


def explain_staleness(sent: datetime, received: datetime, source: Source) -> str:
    """Return how far the sender's clock was from ours, if it was the clock."""
    seconds = round((received - sent).total_seconds())
    allowed = f"{source.replay_window} s are allowed."
    if seconds >= 0:
        return (
            f"The signature is right, but its time is {seconds} s before ours: the sender's clock"
            " is that much behind, the delivery was held up for so long, or somebody sent an old"
            f" one again. {allowed}"
        )
    return (
        f"The signature is right, but its time is {-seconds} s after ours: the sender's clock is"
        f" ahead, or ours is behind. {allowed}"
    )


def explain_differences(differences: list[str]) -> str:
    """Return which fields of a conflict's body are not as in the one that was kept."""
    return f"What differs: {', '.join(differences)}."


def explain_journey(sent: datetime, received: datetime) -> str:
    """Return how long before it was received a delivery was sent; after it, if clocks differ."""
    earlier, later = sorted((sent, received))
    side = "before" if sent <= received else "after"
    return f"{write_length(later - earlier)} {side} it was received"


def explain_secret(secret: SigningSecret | None, newest: int | None) -> str:
    """Return which of a source's secrets a signature was made with.

    `newest` is the key of the source's newest active secret, where it has one.
    """
    if secret is None:
        return ""
    name = f"secret {secret.fingerprint}"
    if secret.retired_at is not None:
        day = date_format(localtime(secret.retired_at), "DATETIME_FORMAT")
        return f"{name}, which is retired by now (since {day})"
    age = "the newest one" if secret.pk == newest else "an older one that is still active"
    return f"{name}, {age}"


def describe_causes(causes: dict[str, int]) -> list[tuple[str, int]]:
    """Return what the causes of rejected deliveries mean, with how many there are of each."""
    return [
        (explain_cause(cause, "") if cause else "It was not looked into.", number)
        for cause, number in causes.items()
    ]
