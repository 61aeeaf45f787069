"""Give a worker the best of an integration's due effects, and nobody else the same.

Live work goes before retries, retries before replays, and of equals the one that was due first.

So that a backlog keeps nobody waiting who has just come in, a claim may ask for the newest of the
live effects instead; and so that live work keeps no retry waiting for ever, for a retry: see
`candidates.Turn`.

All times are the database's, so a worker with a wrong clock does no harm. For effects and
conversations that somebody else has locked nobody waits, so workers cannot wait for each other in a
circle.
"""

import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget import Admission, admit
from integrations.budget.rows import lock_row
from webhooks.models import Attempt, Effect
from webhooks.processing.candidates import IN_TURN, Turn, count_candidates, lock_best
from webhooks.processing.concurrency import read_limit

logger = structlog.stdlib.get_logger("webhooks.attempt")

LOCKED_WAIT = timedelta(seconds=0.05)

LOST_WORKER = "The worker did not come back within its lease."

TAKE = """
WITH taken AS (
    UPDATE webhooks_effect
    SET state = 'running', attempts_made = attempts_made + 1, lease = gen_random_uuid(),
        due_at = statement_timestamp() + %(lease)s
    WHERE id = %(effect)s AND NOT (%(takes_turns)s AND EXISTS (
        SELECT FROM webhooks_effect beside
        WHERE beside.conversation_id = webhooks_effect.conversation_id
          AND beside.integration = webhooks_effect.integration AND beside.id <> %(effect)s
          AND beside.state = 'running' AND beside.due_at > statement_timestamp()
    ))
    RETURNING id, attempts_made, lease
)
INSERT INTO webhooks_attempt (effect_id, number, lease, worker, outcome, error_class, error)
SELECT id, attempts_made, lease, %(worker)s, 'running', '', '' FROM taken
RETURNING number, lease
"""
"""Who must not run beside others asks once more here, under the conversation's lock: of two that
found nobody running only one is told yes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run an effect until its lease ends, and what the budget said to it."""

    effect: Effect
    lease: uuid.UUID
    admission: Admission


@dataclass(frozen=True, slots=True)
class Refusal:
    """No effect may begin, though one is due; `wait` is when to ask again, if anybody knows."""

    wait: timedelta | None = None


def claim_best(alias: Alias, turn: Turn = Turn.BEST) -> Claim | Refusal | None:
    """Take the best due effect of the integration for the length of a lease.

    At another `turn` one that would not be the best goes first, where there is one. Returns None
    where none is due. Called by workers, outside any transaction.
    """
    while True:
        with transaction.atomic():
            effect = lock_best(alias, turn)
            if effect is None:
                return find_locked(alias)
            is_orphan = effect.state == Effect.State.RUNNING
            if is_orphan and is_worn_out(effect):
                bury(effect)
                continue
            # Before the budget is asked: whoever is admitted may be its circuit's probe.
            if is_full(alias):
                return Refusal()
            admission = admit(alias)
            if not admission.is_open:
                return Refusal(admission.wait)
            if is_orphan:
                mark_lost(effect)
            lease = take(effect)
            if lease is not None:
                return Claim(effect, lease, admission)
            # Whoever has the turn is seen by the next look. Nobody has been a probe.
            transaction.set_rollback(True)


def find_locked(alias: Alias) -> Refusal | None:
    """Tell whether an effect is due that was passed over, and when to look again.

    A projection has its conversation for a moment, and whoever has come for the effect must not
    leave: nobody else might come for it soon.
    """
    if alias in IN_TURN and count_candidates(alias, most=1):
        return Refusal(LOCKED_WAIT)
    return None


def find_running(alias: str) -> QuerySet[Effect]:
    """Return the effects that are under way; one whose lease has ended is not any more."""
    return Effect.objects.filter(integration=alias, state=Effect.State.RUNNING, due_at__gt=Now())


def is_worn_out(effect: Effect) -> bool:
    """Tell whether the effect has no attempt left."""
    return effect.attempts_made >= effect.attempts_limit


def mark_lost(effect: Effect) -> None:
    """Mark the attempt as lost whose lease has ended."""
    effect.attempts.filter(outcome=Attempt.Outcome.RUNNING).update(
        outcome=Attempt.Outcome.LOST, finished_at=Now(), error=LOST_WORKER
    )


def bury(effect: Effect) -> None:
    """Say of an effect that it is dead, its last worker lost: it may be what they die of."""
    mark_lost(effect)
    Effect.objects.filter(pk=effect.pk).update(
        state=Effect.State.DEAD, reason=LOST_WORKER, lease=None, finished_at=Now()
    )
    logger.error(
        "effect_dead",
        integration=effect.integration,
        idempotency_key=effect.idempotency_key,
        attempts=effect.attempts_made,
    )


def is_full(alias: Alias) -> bool:
    """Tell whether as many effects are under way as may be.

    Where there is a limit, the budget is locked: two workers must not both take the last place.
    """
    limit = read_limit(alias)
    if limit is None:
        return False
    lock_row(alias)
    return find_running(alias).count() >= limit


def take(effect: Effect) -> uuid.UUID | None:
    """Write the claim on the locked effect, with the attempt that it begins; return its lease.

    Returns None, and writes nothing, where another effect runs that this one must not run beside.
    """
    values: dict[str, Any] = {
        "effect": effect.pk,
        "takes_turns": effect.integration in IN_TURN,
        "lease": settings.WEBHOOKS_LEASE,
        "worker": socket.gethostname()[:100],
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        taken = cursor.fetchone()
    if taken is None:
        return None
    effect.state, effect.attempts_made = Effect.State.RUNNING, taken[0]
    lease: uuid.UUID = taken[1]
    return lease
