"""Run one effect: claim it, call its integration outside any transaction, record what came of it.

    pending -> running -> succeeded
               running -> pending (temporary failure, later again) -> dead (attempts used up)
               running -> failed (permanent)
               running -> running (the lease ended: its worker is gone, another claims it)
                       -> dead (as above, and that was the last attempt)

All times are the database's, so a worker with a wrong clock does no harm.
"""

import socket
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from integrations.base import Alias, Result
from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.registry import get_backend
from integrations.text import StorableText, make_storable
from webhooks.models import Attempt, Conversation, Effect
from webhooks.processing.requests import load_request
from webhooks.processing.retry import compute_delay

logger = structlog.stdlib.get_logger("webhooks.attempt")

OPEN = (Effect.State.PENDING, Effect.State.RUNNING)

IN_TURN = frozenset({Effect.Integration.CRM})
"""What is updated, not created: two such effects of a conversation never run at once, so that
the one that runs last has seen everything that the ones before it wrote."""


LOST_WORKER = "The worker did not come back within its lease."


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run an effect until its lease ends."""

    effect: Effect
    lease: uuid.UUID


@dataclass(frozen=True, slots=True)
class Verdict(StorableText):
    """What came of an attempt; what a vendor says may hold characters that Postgres refuses."""

    outcome: Attempt.Outcome
    result: Result | None = None
    error_class: str = ""
    error: str = ""
    retry_after: timedelta | None = None


def run_effect(effect_pk: int) -> list[int]:
    """Run the effect if it is due and nobody else does; called by the Celery tasks.

    Returns the effect that waited for this one and is to be run next, if there is one.
    """
    claim = claim_effect(effect_pk)
    if claim is None:
        return []
    started = time.perf_counter()
    verdict = apply_effect(claim.effect)
    ours = record_verdict(claim, verdict)
    logger.info(
        "attempt",
        event_id=str(claim.effect.event.event_id),
        integration=claim.effect.integration,
        idempotency_key=claim.effect.idempotency_key,
        attempt=claim.effect.attempts_made,
        outcome=verdict.outcome.value if ours else Attempt.Outcome.LOST.value,
        error_class=verdict.error_class or None,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
    )
    return find_waiting(claim.effect)


@transaction.atomic
def claim_effect(effect_pk: int) -> Claim | None:
    """Take the effect for the length of a lease, or return None where that is not possible.

    A running effect whose lease has ended is taken over, and its attempt is lost.
    """
    effect = (
        # A lock here is held for a moment only, never while an integration works: skipping a
        # locked row would lose this hint for nothing.
        Effect.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event", "conversation")
        .defer("event__body")  # megabytes, and nothing here reads them
        .filter(pk=effect_pk, state__in=OPEN, due_at__lte=Now())
        .first()
    )
    if effect is None or not is_its_turn(effect):
        return None
    if effect.state == Effect.State.RUNNING:
        give_up_attempt(effect)
        if effect.attempts_made >= effect.attempts_limit:
            bury_effect(effect)
            return None
    lease = uuid.uuid4()
    effect.attempts_made += 1
    effect.state = Effect.State.RUNNING
    lease_end = Now() + settings.WEBHOOKS_LEASE
    Effect.objects.filter(pk=effect.pk).update(
        state=effect.state,
        attempts_made=effect.attempts_made,
        lease=lease,
        due_at=lease_end,
        sweep_at=lease_end,
    )
    Attempt.objects.create(
        effect=effect, number=effect.attempts_made, lease=lease, worker=socket.gethostname()[:100]
    )
    return Claim(effect, lease)


def give_up_attempt(effect: Effect) -> None:
    """Mark the attempt as lost whose lease has ended."""
    effect.attempts.filter(outcome=Attempt.Outcome.RUNNING).update(
        outcome=Attempt.Outcome.LOST, finished_at=Now(), error=LOST_WORKER
    )


def bury_effect(effect: Effect) -> None:
    """Make an effect dead whose last attempt was lost: it may be what its workers die of."""
    Effect.objects.filter(pk=effect.pk).update(
        state=Effect.State.DEAD, reason=LOST_WORKER, lease=None, finished_at=Now()
    )
    logger.error(
        "effect_dead",
        integration=effect.integration,
        idempotency_key=effect.idempotency_key,
        attempts=effect.attempts_made,
    )


def is_its_turn(effect: Effect) -> bool:
    """Tell whether no other effect is running that this one must not run beside.

    Locks the conversation, so that of two that ask at once only one is told yes.
    """
    if effect.integration not in IN_TURN:
        return True
    # As this effect's claim, a projection locks the conversation first and then adds effects.
    effect.conversation = Conversation.objects.select_for_update(no_key=True).get(
        pk=effect.conversation_id
    )
    return (
        not Effect.objects.filter(
            conversation=effect.conversation,
            integration=effect.integration,
            state=Effect.State.RUNNING,
            due_at__gt=Now(),
        )
        .exclude(pk=effect.pk)
        .exists()
    )


def apply_effect(effect: Effect) -> Verdict:
    """Call the integration; whatever it does, return what came of it.

    An unknown exception may carry payload in its message, so only its class is kept.
    """
    try:
        alias = cast("Alias", effect.integration)
        result = get_backend(alias).apply(load_request(effect))
    except PermanentFailure as error:
        return Verdict(Attempt.Outcome.PERMANENT, error_class="PermanentFailure", error=str(error))
    except TemporaryFailure as error:
        return Verdict(
            Attempt.Outcome.TEMPORARY,
            error_class="TemporaryFailure",
            error=str(error),
            retry_after=error.retry_after,
        )
    except SoftTimeLimitExceeded:
        seconds = settings.WEBHOOKS_TASK_TIME_LIMIT.total_seconds()
        return Verdict(
            Attempt.Outcome.TEMPORARY,
            error_class="TimeLimit",
            error=f"The integration took longer than {seconds:g} s.",
        )
    except Exception as error:
        logger.exception("unexpected_error", idempotency_key=effect.idempotency_key)
        return Verdict(
            Attempt.Outcome.TEMPORARY,
            error_class=type(error).__name__,
            error="Not an error that the integration declares; see the log of the time.",
        )
    return Verdict(Attempt.Outcome.SUCCEEDED, result=result)


@transaction.atomic
def record_verdict(claim: Claim, verdict: Verdict) -> bool:
    """Record what came of the attempt, unless somebody else has claimed the effect since.

    Returns whether it was recorded as the effect's own.
    """
    effect = claim.effect
    ours = Effect.objects.filter(
        pk=effect.pk, state=Effect.State.RUNNING, lease=claim.lease
    ).update(**describe_outcome(effect, verdict))
    if ours:
        effect.attempts.filter(lease=claim.lease).update(
            outcome=verdict.outcome,
            error_class=verdict.error_class[:100],
            error=verdict.error[:500],
            finished_at=Now(),
        )
    else:
        # Whoever took over has marked the attempt as lost; what it did is told beside that.
        effect.attempts.filter(lease=claim.lease).update(
            error=f"The worker came back late, with: {verdict.outcome.label}."
        )
    return bool(ours)


def describe_outcome(effect: Effect, verdict: Verdict) -> dict[str, object]:
    """Return the columns in which the effect says what came of its latest attempt."""
    if verdict.result is not None:
        return {
            "state": Effect.State.SUCCEEDED,
            "reason": "",
            "external_id": make_storable(verdict.result.external_id)[:255],
            "external_url": make_storable(verdict.result.url)[:500],
            "lease": None,
            "finished_at": Now(),
        }
    if verdict.outcome is Attempt.Outcome.PERMANENT:
        state = Effect.State.FAILED
    elif effect.attempts_made >= effect.attempts_limit:
        state = Effect.State.DEAD
    else:
        left = effect.attempts_limit - effect.attempts_made
        round_of = max(1, settings.WEBHOOKS_MAX_ATTEMPTS - left)
        due_at = Now() + compute_delay(round_of, verdict.retry_after)
        return {
            "state": Effect.State.PENDING,
            "reason": verdict.error[:500],
            "lease": None,
            "due_at": due_at,
            "sweep_at": due_at,
        }
    return {
        "state": state,
        "reason": verdict.error[:500],
        "lease": None,
        "finished_at": Now(),
    }


def find_waiting(effect: Effect) -> list[int]:
    """Return the next due effect that could not be claimed while `effect` was running.

    One of them: when it has run it finds the next, and the queue is not filled with hints that
    come to nothing.
    """
    if effect.integration not in IN_TURN:
        return []
    waiting = Effect.objects.filter(
        conversation=effect.conversation_id,
        integration=effect.integration,
        state=Effect.State.PENDING,
        due_at__lte=Now(),
    )
    return list(waiting.exclude(pk=effect.pk).order_by("pk").values_list("pk", flat=True)[:1])


def retry_effects(effect_pks: list[int]) -> int:
    """Make failed and dead effects pending again, with a full number of attempts before them.

    Returns how many there were. Their keys stay, so nothing that was applied is applied again.
    """
    return Effect.objects.filter(
        pk__in=effect_pks, state__in=(Effect.State.FAILED, Effect.State.DEAD)
    ).update(
        state=Effect.State.PENDING,
        attempts_limit=F("attempts_made") + settings.WEBHOOKS_MAX_ATTEMPTS,
        due_at=Now(),
        sweep_at=Now(),
        finished_at=None,
    )
