"""List the ways in which a refused delivery may have been signed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webhooks.ingest.guesses import (
    Deviation,
    Guess,
    guess_bodies,
    guess_contents,
    guess_ids,
    guess_keys,
    guess_timestamps,
)
from webhooks.ingest.known_secrets import KnownSecret
from webhooks.ingest.manners import Manner, find_well_known
from webhooks.ingest.signatures import Scheme
from webhooks.models import Delivery

Cause = Delivery.Cause

MOST_DEVIATIONS = 2
"""In what was signed; how the signature is written may deviate besides."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was refused, with how its source wants it signed."""

    source_id: int
    scheme: Scheme
    verification: Delivery.Verification
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Try:
    """One way in which the delivery may have been signed; `told` names the secret."""

    manner: Manner
    told: str
    content: str
    key: bytes = field(repr=False)
    values: Mapping[str, bytes] = field(repr=False)
    deviations: tuple[Deviation, ...] = ()


def list_tries(refused: Refused, secrets: Iterable[KnownSecret]) -> Iterator[Try]:
    """Yield what is tried, for each secret in each manner."""
    bodies = guess_bodies(refused.body)
    for secret in secrets:
        own = Manner(secret.scheme, secret.secret_format)
        if secret.source_id == refused.source_id:
            # Before the source's own with as many deviations: what is known says more.
            for manner in find_well_known(refused.headers, own):
                yield from vary(refused, secret, manner, bodies)
        yield from vary(refused, secret, own, bodies)


def vary(
    refused: Refused, secret: KnownSecret, manner: Manner, bodies: Sequence[Guess[bytes]]
) -> Iterator[Try]:
    """Yield the manner with all that may deviate from it, as far as that is not too much."""
    told, given = describe_secret(refused, secret)
    if manner.vendor:
        given += (Deviation(Cause.OTHER_SCHEME, f"signed as {manner.vendor} does"),)
    choices: list[Sequence[Guess[Any]]] = [
        guess_keys(secret, manner.secret_format),
        guess_contents(manner.scheme.signed_content, is_well_known=bool(manner.vendor)),
        guess_timestamps(manner.scheme, refused.headers),
        guess_ids(manner.scheme, refused.headers),
        bodies,
    ]
    for key, content, timestamp, identity, body in combine(choices, MOST_DEVIATIONS - len(given)):
        is_signed = ((timestamp, "{timestamp}"), (identity, "{id}"))
        if any(guess.deviations and name not in content.value for guess, name in is_signed):
            continue
        yield Try(
            manner=manner,
            told=told,
            content=content.value,
            key=key.value,
            values={
                "{body}": body.value,
                "{timestamp}": timestamp.value,
                "{id}": identity.value,
            },
            deviations=(
                *given,
                *key.deviations,
                *content.deviations,
                *timestamp.deviations,
                *identity.deviations,
                *body.deviations,
            ),
        )


def combine(choices: Sequence[Sequence[Guess[Any]]], room: int) -> Iterator[tuple[Guess[Any], ...]]:
    """Yield one of each of the choices, in every way that deviates in `room` points at most."""
    if not choices:
        yield ()
        return
    for guess in choices[0]:
        if len(guess.deviations) <= room:
            for others in combine(choices[1:], room - len(guess.deviations)):
                yield (guess, *others)


def describe_secret(refused: Refused, secret: KnownSecret) -> tuple[str, tuple[Deviation, ...]]:
    """Return the secret in words, and what is wrong about its having been used, if something is."""
    told = f"secret {secret.fingerprint}"
    if secret.source_id != refused.source_id:
        told = f"{told} of the source {secret.slug}"
        return told, (Deviation(Cause.OTHER_SOURCE, told),)
    if secret.retired_at is not None:
        told = f"{told}, retired {secret.retired_at:%Y-%m-%d %H:%M} UTC"
        return told, (Deviation(Cause.RETIRED_SECRET, told),)
    return told, ()
