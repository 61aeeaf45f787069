"""Process one event: project it and plan its effects, together or not at all."""

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from webhooks.models import Effect, Event, Route
from webhooks.processing.planning import plan, plan_unsettled
from webhooks.processing.projection import STAGES, UnprojectableBodyError, project, read_facts
from webhooks.processing.retry import compute_delay

logger = structlog.stdlib.get_logger("webhooks.event")


def process_event(event_pk: int) -> list[Effect]:
    """Process the event if it is due and nobody else does; called by the Celery task.

    Returns the effects to run. A failing event keeps its place: it shows what went wrong, is
    tried again later, and ends as `failed` for people to look at.
    """
    if not claim_event(event_pk):
        return []
    try:
        return project_and_plan(event_pk)
    except Exception as error:
        # Anything: a fault in projection or routing must leave the event where people see it.
        logger.exception("event_not_processed", event_pk=event_pk)
        record_failure(event_pk, error)
        return []


def claim_event(event_pk: int) -> bool:
    """Count an attempt and keep others off for the length of a lease; return whether it is ours.

    Committed before the work begins, so that an event that kills its worker is counted too: one
    that has used up its attempts in that way fails here.
    """
    lease_end = Now() + settings.WEBHOOKS_LEASE
    due = Event.objects.filter(pk=event_pk, status=Event.Status.PENDING, due_at__lte=Now())
    limit = settings.WEBHOOKS_MAX_ATTEMPTS
    if due.filter(attempts__lt=limit).update(
        attempts=F("attempts") + 1, due_at=lease_end, sweep_at=lease_end
    ):
        return True
    if due.filter(attempts__gte=limit).update(
        status=Event.Status.FAILED, error="Its worker did not come back, time and again."
    ):
        logger.error("event_given_up", event_pk=event_pk)
    return False


@transaction.atomic
def project_and_plan(event_pk: int) -> list[Effect]:
    """Take the event into its conversation and insert the effects that it owes."""
    # Locked, since a worker that outlived its lease may be at it still. "No key" lets another
    # event's transaction refer to this row while it waits for the same conversation as we do.
    event = (
        Event.objects.select_for_update(of=("self",), no_key=True)
        .select_related("source")
        .get(pk=event_pk)
    )
    if event.status != Event.Status.PENDING:
        return []
    if not concerns_us(event):
        finish(event, Event.Status.IGNORED)
        return []
    facts = read_facts(event)
    conversation = project(event, facts)
    effects = plan(event, facts, conversation)
    finish(event, Event.Status.PROCESSED)
    return effects + plan_unsettled(event, conversation)


def concerns_us(event: Event) -> bool:
    """Tell whether the event says something of a conversation, or an operator routes its type."""
    if not event.conversation_uuid:
        return False
    return event.event_type in STAGES or Route.objects.filter(event_type=event.event_type).exists()


def finish(event: Event, status: Event.Status) -> None:
    """Mark the event as dealt with."""
    Event.objects.filter(pk=event.pk).update(status=status, processed_at=Now(), error="")


def record_failure(event_pk: int, error: Exception) -> None:
    """Say what went wrong, and when to try again if at all.

    Only our own errors' words are kept: others may quote the payload.
    """
    name = type(error).__name__
    words = f"{name}: {error}" if isinstance(error, UnprojectableBodyError) else name
    attempts = Event.objects.values_list("attempts", flat=True).get(pk=event_pk)
    final = attempts >= settings.WEBHOOKS_MAX_ATTEMPTS or isinstance(error, UnprojectableBodyError)
    due_at = Now() + compute_delay(max(1, attempts))
    Event.objects.filter(pk=event_pk, status=Event.Status.PENDING).update(
        status=Event.Status.FAILED if final else Event.Status.PENDING,
        error=words[:500],
        due_at=due_at,
        sweep_at=due_at,
    )
