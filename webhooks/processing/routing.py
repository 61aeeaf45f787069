"""Say what an event owes, by the routes that operators keep."""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from integrations.base import Request
from webhooks.models import Conversation, Effect, Event, Route
from webhooks.processing import requests
from webhooks.processing.analysis import FollowUpItem
from webhooks.processing.projection import STAGES, Facts

SWITCHED_OFF = "Its route is switched off."
OUT_OF_SCOPE = "The agent is outside the source's scope."
AGENT_UNKNOWN = "No event has said yet which agent it was, and the source is for some only."
NAMES_A_PARTY = frozenset({Effect.Integration.TICKETS, Effect.Integration.TASKS})
"""What is created once and is for a person to get back to somebody."""


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
    is_early: bool = False
    """Whether it is better run a little later, when more may be known."""


def find_owed(occasion: Occasion, routes: Iterable[Route]) -> list[Owed]:
    """Return what the event owes by `routes`, once under each business key."""
    owed: dict[str, Owed] = {}
    for route in routes:
        skip_reason = find_skip_reason(route, occasion)
        for item in apply_route(route, occasion):
            known = owed.get(item.idempotency_key)
            # Of two routes to the same effect, one that is off must not hide the other.
            if known is None or known.skip_reason:
                owed[item.idempotency_key] = replace(item, skip_reason=skip_reason)
    return list(owed.values())


def find_skip_reason(route: Route, occasion: Occasion) -> str:
    """Return why nothing is done by `route`, or nothing where it is."""
    scope = occasion.event.source.agent_scope
    agent = occasion.event.agent_uuid or occasion.conversation.agent_uuid
    if not route.is_active:
        return SWITCHED_OFF
    if scope and not agent:
        return AGENT_UNKNOWN
    return OUT_OF_SCOPE if scope and agent not in scope else ""


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
                yield settle(
                    route, make_key(route, subject, occasion.event, follow_up), occasion, follow_up
                )
            return
        case Route.Condition.CALL_FAILED:
            holds = said.get("status") == Conversation.Status.FAILED
        case Route.Condition.GOAL_FAILED:
            holds = any(goal["achieved"] is False for goal in said.get("goals", []))
        case _:
            holds = True
    if holds:
        yield settle(route, make_key(route, subject, occasion.event), occasion)


def make_key(
    route: Route, subject: str, event: Event, follow_up: FollowUpItem | None = None
) -> str:
    """Return the business key of what `route` asks for.

    A CRM is told the conversation's state by each event, so the event is part of the key. Usage
    is owed once for a conversation, whatever number of events report its end; a ticket or a task
    once for a conversation and cause.
    """
    if route.integration == Effect.Integration.CRM:
        return f"{subject}:{event.event_id}"
    if route.integration == Effect.Integration.USAGE:
        return subject
    if follow_up is not None:
        return f"{subject}:{follow_up.key}"
    cause = event.event_type if route.condition == Route.Condition.ALWAYS else route.condition
    return f"{subject}:{cause}"


def settle(
    route: Route, key: str, occasion: Occasion, follow_up: FollowUpItem | None = None
) -> Owed:
    """Return what is owed with its request frozen, or with none where it is built when it runs.

    The latter holds for a CRM, and for usage as long as nobody knows how long the conversation
    was: that effect fails visibly, and can be retried once it is known.
    """
    request: Request | None = None
    event, conversation = occasion.event, take_its_word(occasion)
    match route.integration:
        case Effect.Integration.USAGE if conversation.duration_seconds is not None:
            request = requests.build_usage_record(key, event, conversation)
        case Effect.Integration.TICKETS if route.condition == Route.Condition.GOAL_FAILED:
            request = requests.build_goal_failed_ticket(key, event, conversation, occasion.facts)
        case Effect.Integration.TICKETS if follow_up is not None:
            request = requests.build_follow_up_ticket(key, event, conversation, follow_up)
        case Effect.Integration.TICKETS:
            request = requests.build_ticket(key, event, conversation)
        case Effect.Integration.TASKS:
            follow_up = follow_up or FollowUpItem(key="", title="Follow up on the conversation")
            request = requests.build_follow_up(key, event, conversation, follow_up)
    return Owed(
        route.integration,
        key,
        request.to_json() if request else None,
        is_early=route.integration in NAMES_A_PARTY and is_early(occasion, conversation),
    )


def take_its_word(occasion: Occasion) -> Conversation:
    """Return the conversation, not to be saved, with the event's own word before all others'.

    What is frozen must not depend on what else has arrived: the conversation only fills in what
    the event leaves out.
    """
    conversation = copy(occasion.conversation)
    for name, value in occasion.facts.values.items():
        setattr(conversation, name, value)
    return conversation


def is_early(occasion: Occasion, conversation: Conversation) -> bool:
    """Tell whether the analysis has overtaken the events that say whom the conversation was with.

    The sender does not document whether it says so itself. Any other event brings a status.
    """
    return (
        occasion.facts.stamp[0] == STAGES["conversation.analysis.completed"]
        and not conversation.other_party
        and "status" not in conversation.stamps
    )
