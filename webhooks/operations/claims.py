"""Give a worker a run to go on with, and nobody else the same; and keep what it does to that.

A run is claimed for the length of a lease, which each batch renews. While a batch is under way its
run's row is locked as by those rows that refer to it: a claim, which asks for more, passes it over
whatever its lease says, and a person who stops the run does not wait for the batch.

All times are the database's, so a worker with a wrong clock does no harm.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from webhooks.models import Replay
from webhooks.operations.undertaking import Done

State = Replay.State

CLAIM = """
UPDATE webhooks_replay
SET state = 'running', lease = %(lease)s, tries = tries + 1,
    due_at = statement_timestamp() + %(for)s
WHERE id = (
    SELECT id FROM webhooks_replay
    WHERE state IN ('waiting', 'running') AND due_at <= statement_timestamp() {condition}
    ORDER BY due_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
"""Whoever gives a run back does so as of now, so that it comes behind those that have waited: of
many, each gets its turn, and a short one waits for no long one's end."""

HOLD = """
SELECT is_stopping FROM webhooks_replay
WHERE id = %(run)s AND lease = %(lease)s AND state = 'running'
FOR KEY SHARE
"""


class LostLeaseError(Exception):
    """Somebody else has claimed the run since, or stopped it: what was done is not recorded."""


@dataclass(frozen=True, slots=True)
class RunClaim:
    """The right to go on with a run until its lease ends."""

    run_pk: int
    lease: uuid.UUID


def claim_run(run_pk: int | None = None) -> RunClaim | None:
    """Take the run that has been due for longest, or that of the key if it is due.

    Returns None where there is none. Called outside any transaction.
    """
    lease = uuid.uuid4()
    condition = "" if run_pk is None else "AND id = %(run)s"
    values = {"lease": lease, "for": settings.WEBHOOKS_EVENT_LEASE, "run": run_pk}
    found = ask(CLAIM.format(condition=condition), values)
    return RunClaim(found[0][0], lease) if found else None


def hold(claim: RunClaim) -> bool:
    """Keep the run from being claimed by others until the transaction ends.

    Returns whether somebody wants it to end. Raises `LostLeaseError`.
    """
    found = ask(HOLD, {"run": claim.run_pk, "lease": claim.lease})
    if not found:
        raise LostLeaseError
    return bool(found[0][0])


def record_batch(claim: RunClaim, done: Done, looked_at: int, position: int) -> None:
    """Count what a batch has done, in its transaction, and renew the lease: the run gets on.

    Raises `LostLeaseError`.
    """
    update_ours(
        claim,
        position=position,
        looked_at=F("looked_at") + looked_at,
        events=F("events") + done.events,
        effects_to_run=F("effects_to_run") + done.effects_to_run,
        effects_kept=F("effects_kept") + done.effects_kept,
        effects_closed=F("effects_closed") + done.effects_closed,
        due_at=Now() + settings.WEBHOOKS_EVENT_LEASE,
        tries=0,
        error="",
    )


def record_count(claim: RunClaim, found: int) -> None:
    """Say how many rows are meant, and renew the lease. Raises `LostLeaseError`."""
    update_ours(claim, found=found, due_at=Now() + settings.WEBHOOKS_EVENT_LEASE)


def conclude(claim: RunClaim, state: Replay.State, error: str = "") -> None:
    """Say how the run has ended. Raises `LostLeaseError`."""
    update_ours(claim, state=state, error=error[:500], lease=None, finished_at=Now())


def give_back(claim: RunClaim) -> None:
    """Leave the run to whoever claims it next, behind those that have waited longer."""
    find_ours(claim).update(lease=None, due_at=Now())


def put_off(claim: RunClaim, pause: timedelta, tries: int, error: str) -> None:
    """Leave the run to whoever claims it after `pause`, and say what keeps it from getting on.

    Raises `LostLeaseError`.
    """
    update_ours(claim, lease=None, due_at=Now() + pause, tries=tries, error=error[:500])


def update_ours(claim: RunClaim, **values: Any) -> None:
    """Change the run that was claimed. Raises `LostLeaseError` where it is ours no longer."""
    if not find_ours(claim).update(**values):
        raise LostLeaseError


def find_ours(claim: RunClaim) -> QuerySet[Replay]:
    """Return the run, unless somebody else has claimed or ended it since."""
    return Replay.objects.filter(pk=claim.run_pk, lease=claim.lease, state=State.RUNNING)


def ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows that the statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
