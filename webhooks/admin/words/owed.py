"""Why an event has led to something at each integration, or why it has not.

Planning's own functions are asked, with what the event says and by today's routes; nothing is
written. What is there already goes before what they say.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.utils.safestring import SafeString

from integrations.budget.words import end_sentence
from webhooks.admin.words.advice import Advice, Link, Place, Whose, find_links
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import page_of
from webhooks.models import Conversation, Effect, Event, Route
from webhooks.processing.events import concerns_us, read_routes
from webhooks.processing.planning import ALREADY_OWED
from webhooks.processing.projection import merge, read_facts
from webhooks.processing.routing import (
    Occasion,
    Owed,
    apply_route,
    find_skip_reason,
)

State = Effect.State
Condition = Route.Condition

TO_ROUTES = Advice(Whose.SETUP, "", Place.ROUTES)
NO_CONVERSATION = "It names no conversation, and effects are for conversations."
UNREADABLE = "What it says cannot be read, so nothing can be planned."
GONE = "Its body is not stored any more, so nobody can tell whether the condition held."
WORDS_OF_STATE = {
    State.PENDING: "It is owed, and not done yet.",
    State.RUNNING: "It is under way.",
    State.SUCCEEDED: "It is done.",
    State.FAILED: "It is owed, and was not done: it waits for people.",
    State.DEAD: "It is owed, and was given up: it waits for people.",
    State.CLOSED: "It was owed, and somebody has closed it.",
    State.SKIPPED: "It was skipped.",
}
NOT_PROCESSED = {
    Event.Status.PENDING: "The event is not processed yet; what follows is what it will owe.",
    Event.Status.HELD: "The event is put aside while its source is paused; what follows is what it"
    " will owe once it is processed.",
    Event.Status.FAILED: "The processing of the event failed, so nothing was planned.",
    Event.Status.DEAD: "The processing of the event was given up, so nothing was planned.",
    Event.Status.CLOSED: "The event was closed without being processed, so nothing was planned.",
}
"""What comes first of an event that has never been processed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is an effect, or why there is none; `label` is the effect's state or "none"."""

    integration: str
    label: SafeString
    words: str
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says, as planning reads it; `trouble` is why it cannot, where it cannot."""

    occasion: Occasion | None
    trouble: str = ""


def explain_owed(event: Event, reader: User | AnonymousUser) -> list[Reason]:
    """Return for each integration why there are effects of the event, and why there are no others.

    Nothing to who may not see effects. `event` is loaded with its source, and with its body.
    """
    if not reader.has_perm("webhooks.view_effect"):
        return []
    effects = list(event.effects.defer("request", "preview").order_by("pk"))
    holders = find_holders(effects)
    routes = read_routes()
    told = read_told(event) if concerns_us(event, routes) else Told(None, NO_CONVERSATION)
    if event.conversation_uuid == "":
        told = Told(None, NO_CONVERSATION)
    own = routes.get(event.event_type, [])
    reasons = []
    for integration in Effect.Integration:
        there = [effect for effect in effects if effect.integration == integration]
        asked = [route for route in own if route.integration == integration]
        found = [describe_effect(effect, holders, reader) for effect in there]
        found += explain_rest(event, asked, there, told, reader)
        reasons += found or [explain_no_route(event, integration, reader)]
    return reasons


def read_told(event: Event) -> Told:
    """Return what the event says of its conversation, as its processing would read it."""
    if event.body is None:
        return Told(None, GONE)
    known = Conversation.objects.filter(conversation_uuid=event.conversation_uuid).first()
    conversation = known or Conversation(conversation_uuid=event.conversation_uuid)
    try:
        facts = read_facts(event)
        # As the projection does, but in memory alone.
        merge(conversation, facts)
    except Exception:  # noqa: BLE001 -- whatever it is, processing meets it too and says so
        return Told(None, UNREADABLE)
    return Told(Occasion(event, facts, conversation))


def find_holders(effects: Iterable[Effect]) -> Mapping[str, Effect]:
    """Return by key the effects of other events that own what these ones asked for, too."""
    keys = [effect.idempotency_key for effect in effects if effect.reason == ALREADY_OWED]
    if not keys:
        return {}
    holders = Effect.objects.filter(idempotency_key__in=keys).exclude(state=State.SKIPPED)
    return {holder.idempotency_key: holder for holder in holders.defer("request", "preview")}


def describe_effect(
    effect: Effect, holders: Mapping[str, Effect], reader: User | AnonymousUser
) -> Reason:
    """Return the line of an effect that is there."""
    state = State(effect.state)
    links = [Link(page_of(Effect, effect.pk), "Open the effect")]
    words = WORDS_OF_STATE[state]
    if state is State.SKIPPED and effect.reason == ALREADY_OWED:
        words = "Another event had asked for the same before, and it happens once."
        if holder := holders.get(effect.idempotency_key):
            links.append(Link(page_of(Effect, holder.pk), "Open the effect that does it"))
            links += link_event(holder, reader)
    elif state is State.SKIPPED:
        words = end_sentence(effect.reason)
    if effect.redo_of_id is not None:
        words = f"Somebody had it done once more. {words}"
    return Reason(effect.get_integration_display(), render_label(state), words, links)


def link_event(holder: Effect, reader: User | AnonymousUser) -> Iterator[Link]:
    """Yield the way to the event that an effect belongs to."""
    if reader.has_perm("webhooks.view_event"):
        yield Link(page_of(Event, holder.event_id), "Open that event")


def explain_rest(
    event: Event,
    routes: Iterable[Route],
    there: Iterable[Effect],
    told: Told,
    reader: User | AnonymousUser,
) -> Iterator[Reason]:
    """Yield the routes of an integration that have led to nothing, each with the reason."""
    keys = {effect.idempotency_key for effect in there}
    for route in routes:
        words = explain_route(event, route, keys, told)
        if words:
            yield Reason(
                Effect.Integration(route.integration).label,
                render_label("", "none"),
                words,
                list(find_links(TO_ROUTES, reader)),
            )


def explain_route(event: Event, route: Route, keys: set[str], told: Told) -> str:
    """Return why a route has led to nothing; an empty text where it has led to something.

    `keys` are those of the event's effects at the route's integration.
    """
    condition = route.get_condition_display()
    off = "" if route.is_active else " It is switched off, too."
    if told.occasion is None:
        if told.trouble == GONE and keys:
            return ""
        return told.trouble
    try:
        owed = list(apply_route(route, told.occasion))
    except Exception:  # noqa: BLE001 -- as in read_told
        return UNREADABLE
    if not owed:
        fact = describe_condition(route, told.occasion.facts.values)
        return f"Its route asks for it only {condition}: {fact}.{off}"
    if any(item.idempotency_key in keys for item in owed):
        return ""
    return explain_missing(event, route, owed, find_skip_reason(route, told.occasion))


def explain_missing(event: Event, route: Route, owed: Sequence[Owed], skip: str) -> str:
    """Return why something is not there that is owed by today's routes, or would be skipped."""
    how_many = f"{len(owed)} of them are" if len(owed) > 1 else "it is"
    if skip:
        return f"Not owed. {skip}"
    if event.processed_at is None:
        return f"By its route {how_many} owed as soon as the event is processed."
    return (
        f"By today's routes {how_many} owed ({route.get_condition_display()}), but not when the"
        " event was processed: the route was added, changed or switched on since. Replay the event"
        " to have it done."
    )


def describe_condition(route: Route, said: Mapping[str, Any]) -> str:
    """Return what the event says instead of what a route's condition asks for."""
    match route.condition:
        case Condition.CALL_FAILED:
            status = said.get("status")
            known = status in Conversation.Status.values
            told = Conversation.Status(status).label if status and known else "another one"
            return f"the conversation's status is “{told}”" if status else "it says no status"
        case Condition.GOAL_FAILED:
            goals = len(said.get("goals", []))
            return f"none of its {goals} goals was missed" if goals else "it names no goals"
        case _:
            return "its analysis asks for no follow-up"


def explain_no_route(event: Event, integration: str, reader: User | AnonymousUser) -> Reason:
    """Return the line of an integration that no route leads to from such an event."""
    return Reason(
        Effect.Integration(integration).label,
        render_label("", "none"),
        f"No route asks for it when a {event.event_type} comes.",
        list(find_links(TO_ROUTES, reader)),
    )


def introduce(event: Event) -> str:
    """Return what comes before the reasons: that the event has not been processed, and why."""
    if event.processed_at is not None:
        return ""
    return NOT_PROCESSED.get(Event.Status(event.status), "")
