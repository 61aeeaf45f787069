"""The turn of each request to a vendor, so that all together keep to its rate.

This is the generic cell rate algorithm without bursts: slots are evenly spaced, so there are never
more in any stretch of time than there may be.
"""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.rows import make_rows
from integrations.exceptions import RateLimited
from integrations.models import Budget
from integrations.rates import Rate

# Whoever reserves at the same moment waits for the row, and its statement then works with the row
# as it has become. clock_timestamp() goes on meanwhile, and in a transaction too; now() does not.
# greatest() passes NULL over.
RESERVE = """
    UPDATE integrations_budget
    SET next_slot_at = greatest(next_slot_at, held_until, clock_timestamp()) + %(spacing)s
    WHERE alias = %(alias)s
      AND greatest(next_slot_at, held_until, clock_timestamp()) <= clock_timestamp() + %(patience)s
    RETURNING next_slot_at - %(spacing)s - clock_timestamp()
"""

AWAY = """
    SELECT greatest(next_slot_at, held_until) - clock_timestamp()
    FROM integrations_budget
    WHERE alias = %(alias)s
"""

HELD = """
    SELECT held_until - clock_timestamp(), held_reason
    FROM integrations_budget
    WHERE alias = %(alias)s AND held_until > clock_timestamp()
"""


class OutOfSlots(RateLimited):
    """The next slot is too far away to wait for; the vendor itself was not asked."""


def take_slot(alias: Alias, rate: Rate | None) -> None:
    """Wait until the next request to the vendor may leave; without a rate, until no hold is on.

    Called before every request, by a backend that has none under way in this thread. Raises
    `OutOfSlots`, with the time to wait and without taking one, where the slot is further away
    than `VENDOR_SLOT_PATIENCE`. Raises `RuntimeError` inside a transaction, which would keep its
    locks and its connection while this sleeps.
    """
    refuse_transaction()
    deadline = time.monotonic() + settings.VENDOR_SLOT_PATIENCE
    while True:
        patience = timedelta(seconds=max(0.0, deadline - time.monotonic()))
        wait = _reserve(alias, rate.spacing, patience) if rate else _find_hold(alias, patience)
        if wait <= timedelta():
            return
        time.sleep(wait.total_seconds())
        # What a vendor said while this slept counts for slots that were given before, too.
        if not Budget.objects.filter(pk=alias, held_until__gt=Now()).exists():
            return


def refuse_transaction() -> None:
    """Raise `RuntimeError` inside a transaction, but not inside the one around a test case.

    Django's own `atomic(durable=True)` makes the same exception.
    """
    blocks = connection.atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError("A slot is waited for, so it must not be taken inside a transaction.")


def _reserve(alias: Alias, spacing: timedelta, patience: timedelta) -> timedelta:
    """Return how long it is until the slot that is the caller's now."""
    values: dict[str, Any] = {"alias": alias, "spacing": spacing, "patience": patience}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, values)
            reserved = cursor.fetchone()
            if reserved is not None:
                wait: timedelta = reserved[0]
                return wait
            cursor.execute(AWAY, values)
            found = cursor.fetchone()
        if found is None:
            make_rows([alias])
        elif (away := found[0] or timedelta()) > patience:
            _find_hold(alias, patience)
            raise OutOfSlots(
                "The integration's rate leaves no room for another request soon.",
                retry_after=away,
            )
        # Otherwise somebody else has made the row meanwhile, or the time has come.


def _find_hold(alias: Alias, patience: timedelta) -> timedelta:
    """Return how long the vendor is to be left alone; raises `OutOfSlots` where it is too long."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, {"alias": alias})
        found = cursor.fetchone()
    if found is None:
        return timedelta()
    away: timedelta = found[0]
    if away > patience:
        raise OutOfSlots(f"Held: {found[1]}", retry_after=away)
    return away
