"""Poison: what an event carries that no projection survives.

Planted into the product's processes of a run by `planted`; the product itself knows nothing of it.
"""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Protocol

RAISES = "switchboard-poison-raises"
FAILS_IN_POSTGRES = "switchboard-poison-fails-in-postgres"
KILLS = "switchboard-poison-kills"

MARKERS = (RAISES, FAILS_IN_POSTGRES, KILLS)
"""What an event carries in `data.metadata["poison"]`."""


class HasBody(Protocol):
    """What there is to know of an event here."""

    body: bytes | memoryview | None


class PoisonError(Exception):
    """A bug in a projection, as far as the product can tell."""


def suffer(event: HasBody) -> None:
    """Do what the event's poison does to whoever projects it; nothing where there is none."""
    body = bytes(event.body or b"")
    if b"switchboard-poison-" not in body:
        return
    for marker, strike in STRIKES.items():
        if marker.encode() in body:
            strike()


def strike_in_python() -> None:
    """Raise, with words that quote the event: they must not be shown anywhere."""
    raise PoisonError("the customer said: my number is +44 20 7946 0000")


def strike_in_postgres() -> None:
    """Have Postgres refuse a statement, which ends the whole transaction."""
    from django.db import connection  # noqa: PLC0415 -- the harness's own process has no Django

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def strike_dead() -> None:
    """Die at once, as by running out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


STRIKES: Mapping[str, Callable[[], None]] = {
    RAISES: strike_in_python,
    FAILS_IN_POSTGRES: strike_in_postgres,
    KILLS: strike_dead,
}
