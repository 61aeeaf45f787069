"""Write down the effects that an event owes, each once, and settle those that came too early."""

from dataclasses import replace
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from webhooks.models import Conversation, Effect, Event, Route
from webhooks.processing.projection import Facts, read_facts
from webhooks.processing.routing import AGENT_UNKNOWN, Occasion, Owed, find_owed

PATIENCE = timedelta(seconds=10)
"""How long a request waits for the events that say whom the conversation was with."""

ALREADY_OWED = "Already owed under this key by another event."
PARTY_UNKNOWN = "Waits a moment for the events that say whom the conversation was with."
UNSETTLED = Q(state=Effect.State.SKIPPED, reason=AGENT_UNKNOWN) | Q(
    state=Effect.State.PENDING, reason=PARTY_UNKNOWN, attempts_made=0
)
"""Effects that were planned too early to know all they hang on."""


def plan(
    event: Event, facts: Facts, conversation: Conversation, *, is_replay: bool = True
) -> list[Effect]:
    """Insert the effects that `event` owes and return those that are to be run.

    Safe to repeat. What another event has asked for already is left to that effect, and a
    skipped row records that this event asked too. Called in the projection's transaction. An
    event that was processed before is replayed, unless another event has only settled it: then
    what was rehearsed stays so.
    """
    occasion = Occasion(event, facts, conversation)
    routes = Route.objects.filter(event_type=event.event_type).order_by("pk")
    owed = find_owed(occasion, routes)
    if event.processed_at is not None:
        forget_open_questions(event, rehearsed=is_replay)
    # The index on the business key decides, also between two that plan at the same moment.
    Effect.objects.bulk_create(
        [build_effect(occasion, item) for item in owed], ignore_conflicts=True
    )
    keys = [item.idempotency_key for item in owed]
    ours = list(event.effects.filter(idempotency_key__in=keys))
    known = {effect.idempotency_key for effect in ours}
    Effect.objects.bulk_create(
        build_effect(occasion, replace(item, skip_reason=ALREADY_OWED))
        for item in owed
        if item.idempotency_key not in known
    )
    return [
        effect
        for effect in ours
        if effect.state == Effect.State.PENDING and effect.reason != PARTY_UNKNOWN
    ]


def plan_unsettled(event: Event, conversation: Conversation) -> list[Effect]:
    """Plan once more what was planned before `event` was known, and return what is to be run.

    Called with each event of the conversation, in its transaction: with this, what is owed in the
    end does not depend on the order in which the events came.
    """
    unsettled = conversation.effects.filter(UNSETTLED).exclude(event=event)
    events = Event.objects.select_related("source").filter(
        pk__in=unsettled.values("event"), body__isnull=False
    )
    return [
        effect
        for earlier in events.order_by("pk")
        for effect in plan(earlier, read_facts(earlier), conversation, is_replay=False)
    ]


def forget_open_questions(event: Event, *, rehearsed: bool) -> None:
    """Delete those of the event's effects that nothing has been done for, to plan them anew.

    What was skipped then may be owed now, and what waited to be settled can be. What a dry run
    has rehearsed is done in earnest only where a person asks for that, by a replay.
    """
    # Locked first: a worker may be claiming one that has waited long enough.
    open_ones = event.effects.filter(UNSETTLED | Q(state=Effect.State.SKIPPED))
    if not rehearsed:
        open_ones = open_ones.filter(preview__isnull=True)
    keys = list(open_ones.select_for_update().values_list("pk", flat=True))
    Effect.objects.filter(pk__in=keys).delete()


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
