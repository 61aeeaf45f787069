"""Write down the effects that events owe, each once, and settle those that came too early."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from webhooks.models import Conversation, Effect, Event
from webhooks.processing.routing import AGENT_UNKNOWN, Occasion, Owed

PATIENCE = timedelta(seconds=10)
"""How long a request waits for the events that say whom the conversation was with."""

ALREADY_OWED = "Already owed under this key by another event."
PARTY_UNKNOWN = "Waits a moment for the events that say whom the conversation was with."
UNSETTLED = Q(state=Effect.State.SKIPPED, reason=AGENT_UNKNOWN) | Q(
    state=Effect.State.PENDING, reason=PARTY_UNKNOWN, attempts_made=0
)
"""Effects that were planned too early to know all they hang on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is owed on an occasion.

    An event that was processed before is replayed, unless another event only settles it: then
    what was rehearsed stays so.
    """

    occasion: Occasion
    owed: Sequence[Owed]
    is_settled: bool = False


def write_plans(plans: Sequence[Plan]) -> list[Effect]:
    """Insert the effects that are owed and return those that are to be run.

    Safe to repeat. What another event has asked for already is left to that effect, and a
    skipped row records that this event asked too. Called in the projection's transaction, with
    the plans' conversations locked.
    """
    forget_open_questions(plans)
    # The index on the business key decides, also between two plans of one batch.
    Effect.objects.bulk_create(
        [build_effect(plan.occasion, item) for plan in plans for item in plan.owed],
        ignore_conflicts=True,
    )
    asked = {(plan.occasion.event.pk, item.idempotency_key) for plan in plans for item in plan.owed}
    own = Effect.objects.only("event", "integration", "idempotency_key", "state", "reason")
    ours = {
        key: effect
        for effect in own.filter(event__in={event for event, _ in asked}).order_by("pk")
        if (key := (effect.event_id, effect.idempotency_key)) in asked
    }
    Effect.objects.bulk_create(
        build_effect(plan.occasion, replace(item, skip_reason=ALREADY_OWED))
        for plan in plans
        for item in plan.owed
        if (plan.occasion.event.pk, item.idempotency_key) not in ours
    )
    return [
        effect
        for effect in ours.values()
        if effect.state == Effect.State.PENDING and effect.reason != PARTY_UNKNOWN
    ]


def find_unsettled(conversations: Iterable[Conversation], events: Sequence[Event]) -> list[Event]:
    """Return the events whose effects were planned before `events` were known, and may be settled.

    With these planned once more, what is owed in the end does not depend on the order in which
    the events came.
    """
    effects = Effect.objects.filter(UNSETTLED, conversation__in=conversations)
    earlier = Event.objects.filter(pk__in=effects.values("event"), body__isnull=False)
    return list(
        earlier.exclude(pk__in=[event.pk for event in events])
        .select_related("source")
        .order_by("pk")
    )


def forget_open_questions(plans: Iterable[Plan]) -> None:
    """Delete those effects of processed events that nothing was done for, to plan them anew.

    What was skipped then may be owed now, and what waited to be settled can be. What a dry run
    has rehearsed is done in earnest only where a person asks for that, by a replay.
    """
    again = [plan for plan in plans if plan.occasion.event.processed_at is not None]
    if not again:
        return
    events = {plan.occasion.event.pk for plan in again}
    settled = {plan.occasion.event.pk for plan in again if plan.is_settled}
    open_ones = Effect.objects.filter(
        UNSETTLED | Q(state=Effect.State.SKIPPED), event__in=events
    ).exclude(event__in=settled, preview__isnull=False)
    # Locked first: a worker may be claiming one that has waited long enough.
    locked = open_ones.order_by("pk").select_for_update()
    Effect.objects.filter(pk__in=list(locked.values_list("pk", flat=True))).delete()


def build_effect(occasion: Occasion, owed: Owed) -> Effect:
    """Return the row for what is owed, not saved."""
    waits = owed.is_early and not owed.skip_reason
    return Effect(
        event=occasion.event,
        conversation=occasion.conversation,
        integration=owed.integration,
        idempotency_key=owed.idempotency_key,
        request=None if owed.skip_reason else owed.request,
        state=Effect.State.SKIPPED if owed.skip_reason else Effect.State.PENDING,
        reason=PARTY_UNKNOWN if waits else owed.skip_reason,
        due_at=Now() + PATIENCE if waits else Now(),
        priority=Effect.Priority.REPLAY if occasion.event.replay_id else Effect.Priority.LIVE,
    )
