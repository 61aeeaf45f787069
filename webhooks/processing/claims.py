"""Give a worker the best of an integration's due effects, and nobody else the same.

Live work goes before retries, retries before replays, and of equals the one that was due first.

All times are the database's, so a worker with a wrong clock does no harm. Locks are taken in one
order, effect, conversation, budget, so that workers never wait for each other in a circle.
"""

import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget import Admission, admit
from integrations.budget.rows import lock_row
from webhooks.models import Attempt, Conversation, Effect
from webhooks.processing.concurrency import read_limit

logger = structlog.stdlib.get_logger("webhooks.attempt")

OPEN = (Effect.State.PENDING, Effect.State.RUNNING)

IN_TURN = frozenset({Effect.Integration.CRM})
"""What is updated, not created: two such effects of a conversation never run at once, so that
the one that runs last has seen everything that the ones before it wrote."""

LOST_WORKER = "The worker did not come back within its lease."

TAKE = """
WITH taken AS (
    UPDATE webhooks_effect
    SET state = 'running', attempts_made = attempts_made + 1, lease = gen_random_uuid(),
        due_at = statement_timestamp() + %(lease)s
    WHERE id = %(effect)s
    RETURNING id, attempts_made, lease
)
INSERT INTO webhooks_attempt (effect_id, number, lease, worker, outcome, error_class, error)
SELECT id, attempts_made, lease, %(worker)s, 'running', '', '' FROM taken
RETURNING number, lease
"""
"""One statement where the ORM needs two: every effect passes here, and often holds a lock that
others wait for."""


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


def claim_best(alias: Alias) -> Claim | Refusal | None:
    """Take the best due effect of the integration for the length of a lease.

    Returns None where none is due. Called by workers, outside any transaction.
    """
    while True:
        with transaction.atomic():
            effect = lock_best(alias)
            if effect is None:
                return None
            if effect.state == Effect.State.RUNNING and is_worn_out(effect):
                continue
            if not is_its_turn(effect):
                continue  # whoever has the turn is seen by the next look
            # Before the budget is asked: whoever is admitted may be its circuit's probe.
            if is_full(alias):
                return Refusal()
            admission = admit(alias)
            if not admission.is_open:
                return Refusal(admission.wait)
            return Claim(effect, take(effect), admission)


def find_due(alias: Alias) -> QuerySet[Effect]:
    """Return the effects that a worker could claim now, as far as the budget admits them."""
    due = Effect.objects.filter(integration=alias, state__in=OPEN, due_at__lte=Now())
    if alias not in IN_TURN:
        return due
    beside = find_running(alias).filter(conversation=OuterRef("conversation"))
    return due.filter(~Exists(beside))


def find_running(alias: str) -> QuerySet[Effect]:
    """Return the effects that are under way; one whose lease has ended is not any more."""
    return Effect.objects.filter(integration=alias, state=Effect.State.RUNNING, due_at__gt=Now())


def lock_best(alias: Alias) -> Effect | None:
    """Return the best due effect that no other worker is just claiming, and lock it."""
    return (
        find_due(alias)
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("event", "conversation")
        .defer("event__body")  # megabytes, and nothing here reads them
        .order_by("priority", "due_at", "pk")
        .first()
    )


def is_worn_out(effect: Effect) -> bool:
    """Mark the attempt as lost whose lease has ended; tell whether that was the last one.

    The effect is dead then: it may be what its workers die of.
    """
    effect.attempts.filter(outcome=Attempt.Outcome.RUNNING).update(
        outcome=Attempt.Outcome.LOST, finished_at=Now(), error=LOST_WORKER
    )
    if effect.attempts_made < effect.attempts_limit:
        return False
    Effect.objects.filter(pk=effect.pk).update(
        state=Effect.State.DEAD, reason=LOST_WORKER, lease=None, finished_at=Now()
    )
    logger.error(
        "effect_dead",
        integration=effect.integration,
        idempotency_key=effect.idempotency_key,
        attempts=effect.attempts_made,
    )
    return True


def is_its_turn(effect: Effect) -> bool:
    """Tell whether no other effect is running that this one must not run beside.

    Asked again here under the conversation's lock, so that of two that found nobody running only
    one is told yes.
    """
    if effect.integration not in IN_TURN:
        return True
    # As this effect's claim, a projection locks the conversation first and then adds effects.
    effect.conversation = Conversation.objects.select_for_update(no_key=True).get(
        pk=effect.conversation_id
    )
    beside = find_running(effect.integration).filter(conversation=effect.conversation)
    return not beside.exclude(pk=effect.pk).exists()


def is_full(alias: Alias) -> bool:
    """Tell whether as many effects are under way as may be.

    Where there is a limit, the budget is locked: two workers must not both take the last place.
    """
    limit = read_limit(alias)
    if limit is None:
        return False
    lock_row(alias)
    return find_running(alias).count() >= limit


def take(effect: Effect) -> uuid.UUID:
    """Write the claim on the locked effect, with the attempt that it begins; return its lease."""
    values: dict[str, Any] = {
        "effect": effect.pk,
        "lease": settings.WEBHOOKS_LEASE,
        "worker": socket.gethostname()[:100],
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        number, lease = cursor.fetchone()
    effect.state, effect.attempts_made = Effect.State.RUNNING, number
    taken: uuid.UUID = lease
    return taken
