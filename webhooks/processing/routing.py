"""Plan the effects that an event owes, by the routes that operators keep."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models.functions import Now

from integrations.base import Request
from webhooks.models import Conversation, Effect, Event, Route
from webhooks.processing import requests
from webhooks.processing.analysis import FollowUpItem
from webhooks.processing.dispatch import HINT_GRACE
from webhooks.processing.projection import Facts


@dataclass(frozen=True, slots=True)
class Occasion:
    """What effects are planned on: an event, what it says, and its conversation after that."""

    event: Event
    facts: Facts
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Owed:
    """An effect that an event asks for, before it is known whether it is owed already."""

    integration: str
    idempotency_key: str
    request: dict[str, Any] | None
    skip_reason: str = ""


def plan(event: Event, facts: Facts, conversation: Conversation) -> list[Effect]:
    """Insert the effects that `event` owes and return those that are to be run.

    Safe to repeat. What another event has asked for already is left to that effect, and a
    skipped row records that this event asked too. Called in the projection's transaction.
    """
    occasion = Occasion(event, facts, conversation)
    routes = Route.objects.filter(event_type=event.event_type).order_by("pk")
    owed = list(find_owed(occasion, routes))
    if event.processed_at is not None:
        # Planned before: what was skipped then may be owed now.
        event.effects.filter(state=Effect.State.SKIPPED).delete()
    # The index on the business key decides, also between two that plan at the same moment.
    Effect.objects.bulk_create(
        [build_effect(occasion, item) for item in owed], ignore_conflicts=True
    )
    keys = [item.idempotency_key for item in owed]
    ours = list(event.effects.filter(idempotency_key__in=keys))
    known = {effect.idempotency_key for effect in ours}
    Effect.objects.bulk_create(
        build_effect(
            occasion, replace(item, skip_reason="Already owed under this key by another event.")
        )
        for item in owed
        if item.idempotency_key not in known
    )
    return [effect for effect in ours if effect.state == Effect.State.PENDING]


def build_effect(occasion: Occasion, owed: Owed) -> Effect:
    """Return the row for what is owed, not saved."""
    return Effect(
        event=occasion.event,
        conversation=occasion.conversation,
        integration=owed.integration,
        idempotency_key=owed.idempotency_key,
        request=None if owed.skip_reason else owed.request,
        state=Effect.State.SKIPPED if owed.skip_reason else Effect.State.PENDING,
        reason=owed.skip_reason,
        sweep_at=Now() + HINT_GRACE,
    )


def find_owed(occasion: Occasion, routes: Iterable[Route]) -> Iterator[Owed]:
    """Yield what the event owes by `routes`, each under its business key."""
    scope = occasion.event.source.agent_scope
    agent = occasion.event.agent_uuid or occasion.conversation.agent_uuid
    for route in routes:
        skip_reason = ""
        if not route.is_active:
            skip_reason = "Its route is switched off."
        elif scope and agent not in scope:
            skip_reason = "The agent is outside the source's scope."
        for owed in apply_route(route, occasion):
            yield replace(owed, skip_reason=skip_reason)


def apply_route(route: Route, occasion: Occasion) -> Iterator[Owed]:
    """Yield what one route asks for: nothing, one effect, or one for each follow-up.

    Whether its condition holds is read from the event itself and not from the conversation, so
    that it does not depend on what else has arrived by then.
    """
    said = occasion.facts.values
    subject = f"{route.integration}:{occasion.conversation.conversation_uuid}"
    match route.condition:
        case Route.Condition.EACH_FOLLOW_UP:
            for item in said.get("follow_ups", []):
                follow_up = FollowUpItem(**item)
                yield settle(route, f"{subject}:{follow_up.key}", occasion, follow_up)
            return
        case Route.Condition.CALL_FAILED:
            holds = said.get("status") == Conversation.Status.FAILED
        case Route.Condition.GOAL_FAILED:
            holds = any(goal["achieved"] is False for goal in said.get("goals", []))
        case _:
            holds = True
    if holds:
        yield settle(route, make_key(route, subject, occasion.event), occasion)


def make_key(route: Route, subject: str, event: Event) -> str:
    """Return the business key of what `route` asks for.

    A CRM is told the conversation's state by each event, so the event is part of the key. Usage
    is owed once for a conversation, whatever number of events report its end; a ticket once for
    a conversation and cause.
    """
    if route.integration == Effect.Integration.CRM:
        return f"{subject}:{event.event_id}"
    if route.integration == Effect.Integration.USAGE:
        return subject
    return f"{subject}:{route.condition}"


def settle(
    route: Route, key: str, occasion: Occasion, follow_up: FollowUpItem | None = None
) -> Owed:
    """Return what is owed with its request frozen, or with none where it is built when it runs.

    The latter holds for a CRM, and for usage as long as nobody knows how long the conversation
    was: that effect fails visibly, and can be retried once it is known.
    """
    request: Request | None = None
    conversation = occasion.conversation
    match route.integration:
        case Effect.Integration.USAGE if conversation.duration_seconds is not None:
            request = requests.build_usage_record(key, occasion.event, conversation)
        case Effect.Integration.TICKETS if route.condition == Route.Condition.GOAL_FAILED:
            request = requests.build_goal_failed_ticket(key, conversation, occasion.facts)
        case Effect.Integration.TICKETS:
            request = requests.build_ticket(key, conversation)
        case Effect.Integration.TASKS:
            follow_up = follow_up or FollowUpItem(key="", title="Follow up on the conversation")
            request = requests.build_follow_up(key, conversation, follow_up)
    return Owed(route.integration, key, request.to_json() if request else None)
