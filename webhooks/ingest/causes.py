"""Say why a signature did not hold, by trying what may have been otherwise.

A guess that fits is proven: nobody can make one fit who does not know the secret. Nothing of the
body or of a secret is kept or told, and the body is not parsed.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhooks.ingest.guesses import Deviation
from webhooks.ingest.known_secrets import KnownSecret
from webhooks.ingest.manners import Manner
from webhooks.ingest.signatures import (
    Scheme,
    VerificationError,
    compute_digest,
    read_candidates,
)
from webhooks.ingest.tries import Refused, Try, list_tries
from webhooks.ingest.written import Written, describe_form, find_other_algorithm, find_written
from webhooks.models import Delivery

Cause = Delivery.Cause
Verification = Delivery.Verification

MOST_TRIES = 400
MOST_HASHED = 8 * 1024 * 1024
"""Bytes of bodies that are signed for one delivery, all in all."""

LONGEST_BODY = 64 * 1024
"""Of a longer one it is not tried what its signature fits."""

PRIMARY = (
    Cause.OTHER_SOURCE,
    Cause.RETIRED_SECRET,
    Cause.OTHER_SCHEME,
    Cause.OTHER_CONTENT,
    Cause.OTHER_FORMAT,
    Cause.OTHER_TIMESTAMP,
    Cause.CHANGED_BODY,
    Cause.OTHER_HEADER,
    Cause.OTHER_ENCODING,
)
"""Of several deviations, the first of these is told as the cause."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a delivery was refused; `detail` says in words what fitted."""

    cause: Delivery.Cause
    detail: str


def find_cause(refused: Refused, secrets: Sequence[KnownSecret]) -> Finding | None:
    """Return why the request was refused, or None where its verification says all there is to say.

    `secrets` are the source's own, active and retired, and other sources' active ones. Called
    when the refusal has been written down and answered.
    """
    names = dict.fromkeys(
        (refused.scheme.signature_header, *(each.scheme.signature_header for each in secrets))
    )
    written = find_written(refused.headers, names)
    if not written:
        return explain_unsigned(refused, names)
    if len(refused.body) > LONGEST_BODY:
        return None
    tries = sorted(list_tries(refused, secrets), key=lambda each: len(each.deviations))
    most = min(MOST_TRIES, MOST_HASHED // max(1, len(refused.body)))
    for attempt in tries[:most]:
        digest = compute_digest(attempt.content, attempt.key, attempt.values)
        fitting = [each for each in written if hmac.compare_digest(digest, each.digest)]
        if fitting:
            return explain_fit(refused, attempt, fitting)
    return explain_nothing(refused, written)


def explain_fit(refused: Refused, attempt: Try, fitting: Sequence[Written]) -> Finding | None:
    """Return what deviates where the signature fits."""
    ways = [describe_writing(refused, attempt.manner, each) for each in fitting]
    deviations = (*attempt.deviations, *min(ways, key=len))
    if not deviations:
        return explain_timestamp(refused)
    causes = [deviation.cause for deviation in deviations]
    words = [each.words for each in deviations if each.words != attempt.told]
    return Finding(min(causes, key=PRIMARY.index), "; ".join([attempt.told, *words]))


def describe_writing(refused: Refused, manner: Manner, written: Written) -> list[Deviation]:
    """Return how the signature is written otherwise than in that manner."""
    if manner.vendor:
        return []  # known for it, and said already
    deviations = []
    if written.header.lower() != manner.scheme.signature_header.lower():
        words = f"the signature stands in {written.header}"
        deviations.append(Deviation(Cause.OTHER_HEADER, words))
    if not is_readable(manner.scheme, refused.headers.get(written.header, ""), written.digest):
        words = f"it is written in {describe_form(written)}"
        deviations.append(Deviation(Cause.OTHER_ENCODING, words))
    return deviations


def is_readable(scheme: Scheme, text: str, digest: bytes) -> bool:
    """Tell whether the signature is written there as it should be."""
    try:
        return digest in read_candidates(scheme, text)
    except VerificationError:
        return False


def explain_timestamp(refused: Refused) -> Finding | None:
    """Return what is wrong with the timestamp where everything else is right."""
    if refused.verification == Verification.BAD_TIMESTAMP:
        words = "the signature fits; the timestamp is written in a way that is not known here"
        return Finding(Cause.OTHER_TIMESTAMP, words)
    if refused.verification == Verification.NO_TIMESTAMP:
        words = "the signature fits, and was made without a timestamp"
        return Finding(Cause.OTHER_TIMESTAMP, words)
    # Its secret has become active since this process last asked: the next one is accepted.
    return None


def explain_nothing(refused: Refused, written: Sequence[Written]) -> Finding | None:
    """Return what can be said where nothing fits."""
    if refused.verification == Verification.NO_SECRET:
        return None
    if not refused.body:
        return Finding(Cause.CHANGED_BODY, "the body is empty")
    own = Manner(refused.scheme, "")
    deviations = min((describe_writing(refused, own, each) for each in written), key=len)
    words = [*(each.words for each in deviations), "no secret that is known here fits"]
    return Finding(Cause.UNKNOWN, "; ".join(words))


def explain_unsigned(refused: Refused, names: Iterable[str]) -> Finding:
    """Return what can be said where no signature is found."""
    if refused.headers.get(refused.scheme.signature_header, "").strip():
        algorithm = find_other_algorithm(refused.headers, names)
        words = f"it looks like {algorithm}, and SHA-256 is needed" if algorithm else ""
        return Finding(Cause.UNREADABLE, words)
    return Finding(Cause.UNSIGNED, f"there is no {refused.scheme.signature_header} header")
