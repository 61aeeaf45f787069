"""Process claimed events: project them and plan their effects, together or not at all.

    pending -> processed
            -> ignored (it says nothing of a conversation)
            -> pending (a fault, later again by itself) -> dead (attempts used up)
            -> failed (it can never be projected)
            -> held (its source is paused) -> pending (it is not any more: the sweep releases it)
            -> pending (the lease ended: its worker is gone, another claims it) -> dead (as above)

`dead` and `failed` wait for people. A fault in one event leaves the others of its batch alone.
"""

import time
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from webhooks.models import Effect, Event, Route
from webhooks.postgres.patience import insist
from webhooks.processing.batches import Batch
from webhooks.processing.conversations import (
    forget_conversations,
    lock_conversations,
    save_conversations,
)
from webhooks.processing.drafting import Failures, Routes, draft_batch, read_all
from webhooks.processing.holding import hold_paused
from webhooks.processing.outages import is_outage
from webhooks.processing.planning import find_unsettled, write_plans
from webhooks.processing.projection import STAGES, UnprojectableBodyError
from webhooks.processing.retry import compute_delay

logger = structlog.stdlib.get_logger("webhooks.event")

Status = Event.Status


def process_batch(batch: Batch) -> list[Effect]:
    """Process the events that were claimed; called by workers, outside any transaction.

    Returns the effects to run. A failing event keeps its place: it shows what went wrong, is
    tried again later, and ends as `dead` or `failed` for people to look at. Raises what Postgres
    does where it cannot even be told that; the events come up again after their lease.
    """
    try:
        return project_and_plan(batch)
    except Exception as error:  # noqa: BLE001 -- a fault must leave the events where people see them
        if len(batch.keys) == 1:
            tell_failure(batch.keys[0], error)
            outlast_outage(batch, error)
            return []
        logger.warning(
            "batch_not_processed", events=len(batch.keys), error_class=type(error).__name__
        )
        if is_outage(error) or isinstance(error, SoftTimeLimitExceeded):
            outlast_outage(batch, error)
            return []
    # It may be the fault of one of them, and Postgres does not say whose: it is found by halves.
    middle = len(batch.keys) // 2
    halves = batch.keys[:middle], batch.keys[middle:]
    return [effect for keys in halves for effect in process_batch(replace(batch, keys=keys))]


@transaction.atomic
def project_and_plan(batch: Batch) -> list[Effect]:
    """Take the events into their conversations and insert the effects that they owe.

    Locks are taken in one order, events, conversations, effects, and of each kind in the order of
    the keys, so that workers never wait for each other in a circle.
    """
    # Locked, since a worker that outlived its lease may be at it still. "No key" lets another
    # event's transaction refer to these rows while it waits for the same conversation as we do.
    locked = find_ours(batch).select_for_update(of=("self",), no_key=True)
    events = hold_paused(locked.select_related("source").order_by("pk"))
    if not events:
        return []
    routes = read_routes()
    failures: Failures = {}
    told = read_all([event for event in events if concerns_us(event, routes)], failures)
    conversations = lock_conversations({each.event.conversation_uuid for each in told})
    unsettled = find_unsettled(conversations.known.values(), events)
    # One that cannot be read any more stays as it was planned.
    earlier = read_all(unsettled, {})
    drafts = draft_batch(told, earlier, conversations.known, routes, failures)
    save_conversations(draft.conversation for draft in drafts if draft.is_changed)
    drafted = {draft.conversation.conversation_uuid for draft in drafts}
    forget_conversations(conversations.added - drafted)
    effects = write_plans([plan for draft in drafts for plan in draft.plans])
    concerned = {each.event.pk for each in told}
    finish(concerned - set(failures), Status.PROCESSED)
    finish({event.pk for event in events} - concerned - set(failures), Status.IGNORED)
    for key, error in failures.items():
        tell_failure(key, error)
        record_failure(replace(batch, keys=(key,)), error)
    return effects


def find_ours(batch: Batch) -> QuerySet[Event]:
    """Return those of the batch's events that are not done, nor claimed again by another worker."""
    return Event.objects.filter(pk__in=batch.keys, status=Status.PENDING, lease=batch.lease)


def read_routes() -> Routes:
    """Return all routes by the type of event that they are for, those that are off among them."""
    routes: dict[str, list[Route]] = {}
    for route in Route.objects.order_by("pk"):
        routes.setdefault(route.event_type, []).append(route)
    return routes


def concerns_us(event: Event, routes: Routes) -> bool:
    """Tell whether the event says something of a conversation, or an operator routes its type."""
    if not event.conversation_uuid:
        return False
    return event.event_type in STAGES or event.event_type in routes


def finish(keys: AbstractSet[int], status: Event.Status) -> None:
    """Mark the events as dealt with."""
    if keys:
        Event.objects.filter(pk__in=keys).update(status=status, processed_at=Now(), error="")


def tell_failure(event_pk: int, error: Exception) -> None:
    """Log what went wrong with an event, and where."""
    logger.error("event_not_processed", event_pk=event_pk, exc_info=error)


def outlast_outage(batch: Batch, error: Exception) -> None:
    """Record the failure, which may have been Postgres's own, when that is back soon."""
    ends_at = time.monotonic() + settings.WEBHOOKS_RESULT_PATIENCE.total_seconds()
    insist(partial(record_failure, batch, error), ends_at)


def record_failure(batch: Batch, error: Exception) -> None:
    """Say of the events what went wrong, and when to try them again if at all.

    Only our own errors' words are kept: others may quote the payload. That Postgres was away is
    no event's fault, and none is dead for it, however long that lasts.
    """
    name = type(error).__name__
    words = f"{name}: {error}" if isinstance(error, UnprojectableBodyError) else name
    status, attempts, limit = Status.PENDING, batch.attempt, settings.WEBHOOKS_MAX_ATTEMPTS
    if isinstance(error, UnprojectableBodyError):
        status = Status.FAILED
    elif is_outage(error):
        attempts = give_back(attempts, limit)
    elif attempts >= limit:
        status = Status.DEAD
        for key in batch.keys:
            logger.error("event_dead", event_pk=key, attempts=attempts)
    find_ours(batch).update(
        status=status,
        attempts=attempts,
        error=words[:500],
        due_at=Now() + compute_delay(batch.attempt),
    )


def give_back(attempt: int, limit: int) -> int:
    """Return how many attempts count after the `attempt`-th, which an outage has ended.

    Up to half of the limit it counts, since it may be the event that Postgres gives up on each
    time, and it must come up less and less often. Beyond that it is given back: outages never add
    up to an event's death, nor with those that nobody could record as long as these are few.
    """
    # Never 0: whatever met an outage may be its cause, and is claimed alone from now on.
    return attempt if attempt <= limit // 2 else max(1, attempt - 1)
