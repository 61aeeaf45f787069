"""Run a claimed effect: call its integration outside any transaction, record what came of it.

    pending -> running -> succeeded
               running -> pending (temporary failure, later again) -> dead (attempts used up)
               running -> failed (permanent)
               running -> skipped (dry run: nothing was sent)
               running -> running (the lease ended: its worker is gone, another claims it)
                       -> dead (as above, and that was the last attempt)

All times are the database's, so a worker with a wrong clock does no harm.
"""

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import cast

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest, Now
from psycopg.types.json import Jsonb

from integrations.base import Alias
from integrations.budget import record_failure, record_success, return_probe
from integrations.exceptions import AccessDenied, RateLimited
from integrations.text import make_storable
from webhooks.models import Attempt, Effect, Replay
from webhooks.postgres.patience import insist
from webhooks.processing.claims import Claim
from webhooks.processing.retry import compute_delay
from webhooks.processing.verdicts import Fault, Verdict, apply_effect

logger = structlog.stdlib.get_logger("webhooks.attempt")

DRY_RUN = "Dry run: nothing was sent."

MOST_ATTEMPTS = 1000
"""With so many even an effect that was only ever turned away waits for people."""

State = Effect.State
Priority = Effect.Priority

RECORD = """
WITH ours AS (
    UPDATE webhooks_effect
    SET state = %(state)s, reason = %(reason)s, lease = NULL, preview = %(preview)s::jsonb,
        external_id = %(external_id)s, external_url = %(external_url)s,
        attempts_limit = %(attempts_limit)s, priority = greatest(priority, %(priority)s),
        due_at = coalesce(statement_timestamp() + %(wait)s::interval, due_at),
        finished_at = CASE WHEN %(wait)s::interval IS NULL THEN statement_timestamp() END
    WHERE id = %(effect)s AND state = 'running' AND lease = %(lease)s
    RETURNING id
)
UPDATE webhooks_attempt
SET outcome = %(outcome)s, error_class = %(error_class)s, error = %(error)s,
    finished_at = statement_timestamp()
FROM ours
WHERE effect_id = ours.id AND webhooks_attempt.lease = %(lease)s
"""
"""Effect and attempt together or not at all, in one round trip where the ORM needs four."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What an effect says of its latest attempt; with `wait`, how long until the next one.

    A `priority` that is lower than the effect's own does not raise it.
    """

    state: Effect.State
    attempts_limit: int
    reason: str = ""
    external_id: str = ""
    external_url: str = ""
    priority: Effect.Priority = Priority.LIVE
    wait: timedelta | None = None


def run_effect(claim: Claim) -> None:
    """Run the effect that was claimed; called by workers, outside any transaction.

    Raises `django.db.Error` where Postgres cannot be told what came of it; the effect is run again
    then when its lease has ended.
    """
    effect = claim.effect
    started = time.perf_counter()
    verdict = apply_effect(effect)
    try:
        ours = conclude(claim, verdict)
    except SoftTimeLimitExceeded:
        # It comes once, and there is time left: what the vendor has done must not be forgotten.
        ours = conclude(claim, verdict)
    logger.info(
        "attempt",
        event_id=str(effect.event.event_id),
        integration=effect.integration,
        idempotency_key=effect.idempotency_key,
        attempt=effect.attempts_made,
        outcome=verdict.outcome.value if ours else Attempt.Outcome.LOST.value,
        error_class=verdict.error_class or None,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
    )


def conclude(claim: Claim, verdict: Verdict) -> bool:
    """Tell the budget and record the verdict, both through an outage as long as there is time.

    Returns whether it was recorded as the effect's own. Safe to repeat.
    """
    ends_at = time.monotonic() + settings.WEBHOOKS_RESULT_PATIENCE.total_seconds()
    try:
        # First, so that nobody claims the next one for a vendor that has just said no.
        insist(lambda: tell_budget(claim, verdict), ends_at)
    finally:
        # Whatever becomes of that: what the vendor has done must not be forgotten.
        ours = insist(lambda: record_verdict(claim, verdict), ends_at)
    return ours


def tell_budget(claim: Claim, verdict: Verdict) -> None:
    """Tell the integration's budget what the attempt has shown of the vendor, if anything."""
    alias = cast("Alias", claim.effect.integration)
    if verdict.failure is not None and not isinstance(verdict.failure, Fault):
        key = claim.effect.idempotency_key
        record_failure(alias, verdict.failure, key, claim.admission)
    elif verdict.outcome is Attempt.Outcome.SUCCEEDED:
        record_success(alias, claim.admission)
    else:
        # A permanent failure, or a fault of ours, may have come before anything was sent.
        return_probe(alias, claim.admission)


def record_verdict(claim: Claim, verdict: Verdict) -> bool:
    """Record what came of the attempt, unless somebody else has claimed the effect since.

    Returns whether it was recorded as the effect's own.
    """
    effect = claim.effect
    values = asdict(find_ending(effect, verdict)) | {
        "effect": effect.pk,
        "lease": claim.lease,
        "outcome": verdict.outcome.value,
        "error_class": verdict.error_class[:100],
        "error": verdict.error[:500],
    }
    values["preview"] = Jsonb(verdict.preview) if verdict.preview is not None else None
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)
        ours: bool = cursor.rowcount == 1
    return ours or was_recorded(claim, verdict)


def was_recorded(claim: Claim, verdict: Verdict) -> bool:
    """Tell whether an earlier try has recorded the verdict, and its answer was lost on the way.

    If not, somebody took over and has marked the attempt as lost; what it did is told beside that.
    """
    attempt = claim.effect.attempts.filter(lease=claim.lease)
    if attempt.filter(outcome=verdict.outcome).exists():
        return True
    attempt.update(error=f"The worker came back late, with: {verdict.outcome.label}.")
    return False


def find_ending(effect: Effect, verdict: Verdict) -> Ending:
    """Return what the effect says from now on of its latest attempt."""
    reason, limit = verdict.error[:500], effect.attempts_limit
    if verdict.result is not None:
        return Ending(
            State.SUCCEEDED,
            limit,
            external_id=make_storable(verdict.result.external_id)[:255],
            external_url=make_storable(verdict.result.url)[:500],
        )
    if verdict.preview is not None:
        return Ending(State.SKIPPED, limit, DRY_RUN)
    if verdict.failure is None:
        return Ending(State.FAILED, limit, reason)
    turned_away = is_turned_away(effect, verdict)
    limit += turned_away
    left = limit - effect.attempts_made
    if left <= 0:
        return Ending(State.DEAD, limit, reason)
    return Ending(
        State.PENDING,
        limit,
        reason,
        priority=Priority.LIVE if turned_away else Priority.RETRY,
        wait=compute_delay(
            max(1, settings.WEBHOOKS_MAX_ATTEMPTS - left), verdict.failure.retry_after
        ),
    )


def is_turned_away(effect: Effect, verdict: Verdict) -> bool:
    """Tell whether the vendor would have turned away any effect, whatever it asked for.

    Such an attempt says nothing of this effect: it costs it neither one of its attempts nor its
    place before those that have failed.
    """
    is_closed = isinstance(verdict.failure, RateLimited | AccessDenied)
    return is_closed and effect.attempts_made < MOST_ATTEMPTS


def retry_effects(
    effect_pks: list[int], priority: Priority = Priority.RETRY, replay: Replay | None = None
) -> int:
    """Make stopped or closed effects pending again, with a full number of attempts before them.

    They go behind what comes in meanwhile, by `priority` or what they have already if that is
    lower, and name `replay` as the record of who wanted it. Returns how many there were. Their
    keys stay, so nothing that was applied is applied again.
    """
    return Effect.objects.filter(pk__in=effect_pks, state__in=Effect.RETRYABLE).update(
        state=Effect.State.PENDING,
        attempts_limit=F("attempts_made") + settings.WEBHOOKS_MAX_ATTEMPTS,
        priority=Greatest(F("priority"), priority),
        due_at=Now(),
        finished_at=None,
        replay=replay,
    )
