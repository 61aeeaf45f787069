"""Whose fault it is how an event or an effect stands, and what people can do about it."""

from datetime import datetime

from integrations.models import Budget
from webhooks.admin.words.advice import Advice, Place, Whose
from webhooks.admin.words.explanations import is_closed
from webhooks.admin.words.faults import find_fault
from webhooks.models import Attempt, Effect, Event
from webhooks.processing.effects import DRY_RUN
from webhooks.processing.planning import ALREADY_OWED, PARTY_UNKNOWN
from webhooks.processing.projection import UnprojectableBodyError
from webhooks.processing.routing import AGENT_UNKNOWN, OUT_OF_SCOPE, SWITCHED_OFF

OR_CLOSE = "Then retry it. If it is settled otherwise, close it with a reason."
BY_ITSELF = "There is nothing to do: it is tried again by itself."
WAIT = Advice(
    Whose.NOBODY, "There is nothing to do. If it waits for long, see whether workers are running."
)

UNPROJECTABLE = UnprojectableBodyError.__name__

BUDGETS = {
    Budget.State.PAUSED: Advice(
        Whose.SETUP, "It waits, with all its attempts, until somebody resumes the integration."
    ),
    Budget.State.HELD: Advice(
        Whose.NOBODY, "The vendor has asked for that, and it goes on by itself."
    ),
    Budget.State.BROKEN: Advice(
        Whose.VENDOR,
        "Effects wait instead of failing, and go on by themselves. When the vendor is known to work"
        " again, resume the integration, so that the next one is tried at once.",
    ),
    Budget.State.PROBING: Advice(
        Whose.VENDOR, "There is nothing to do: it goes on as soon as that one has succeeded."
    ),
    Budget.State.HALF_OPEN: WAIT,
    Budget.State.OPEN: WAIT,
}
"""What to do about an effect that waits, by how its integration stands."""

SKIPS = {
    SWITCHED_OFF: Advice(
        Whose.SETUP, "If it is wanted, switch the route on and replay the event.", Place.ROUTES
    ),
    OUT_OF_SCOPE: Advice(
        Whose.SETUP,
        "If it is wanted, add the agent to the source's agent scope and replay the event.",
        Place.SOURCE,
    ),
    AGENT_UNKNOWN: Advice(
        Whose.SENDER,
        "It is decided anew as soon as an event says which agent it was.",
        Place.SOURCE,
    ),
    ALREADY_OWED: Advice(Whose.NOBODY, "There is nothing to do: it happens once."),
    DRY_RUN: Advice(
        Whose.SETUP,
        "If it is to be done in earnest, have DRY_RUN taken out of the integration's settings and"
        " replay the event.",
        Place.INTEGRATION,
    ),
}
"""What to do about an effect that was skipped, by its reason."""

EVENTS = {
    Event.Status.PENDING: WAIT,
    Event.Status.HELD: Advice(
        Whose.SETUP, "It is processed as soon as somebody resumes the source.", Place.SOURCE
    ),
    Event.Status.PROCESSED: None,
    Event.Status.IGNORED: Advice(
        Whose.NOBODY,
        "If something is to be done for such events, add a route and replay them.",
        Place.ROUTES,
    ),
    Event.Status.FAILED: Advice(
        Whose.SENDER,
        "What was sent, or is left of it, is no event that can be read. Ask the sender, and close"
        " it with a reason.",
    ),
    Event.Status.DEAD: Advice(
        Whose.OURS,
        "Tell whoever looks after Switchboard, with the event's id: its log says where it failed."
        " Once that is mended, retry it.",
    ),
    Event.Status.CLOSED: Advice(
        Whose.NOBODY, "It is settled. If it is to be processed after all, retry it."
    ),
}
"""What to do about an event, by its status."""

CLOSED = Advice(Whose.NOBODY, "It is settled. If it is to be done after all, retry it.")


def advise_event(event: Event) -> Advice | None:
    """Return what to do about an event; None where all is well."""
    if event.status == Event.Status.PENDING and event.error:
        return Advice(Whose.OURS, BY_ITSELF)
    advice = EVENTS[Event.Status(event.status)]
    if event.status == Event.Status.FAILED and not event.error.startswith(UNPROJECTABLE):
        advice = EVENTS[Event.Status.DEAD]
    return advice.at(source=event.source_id) if advice else None


def advise_effect(
    effect: Effect, error_class: str, budget: Budget | None, now: datetime
) -> Advice | None:
    """Return what to do about an effect at `now`; None where all is well.

    `error_class` is its last attempt's, empty where it had none that failed.
    """
    state = Effect.State(effect.state)
    source, alias = effect.event.source_id, effect.integration
    if state is Effect.State.SUCCEEDED:
        return None
    if state is Effect.State.RUNNING:
        return Advice(Whose.NOBODY, "There is nothing to do: it is under way.")
    if state is Effect.State.CLOSED:
        return CLOSED
    if state is Effect.State.SKIPPED:
        skip = SKIPS.get(effect.reason)
        return skip.at(source=source, alias=alias) if skip else None
    if state in Effect.STOPPED:
        return find_fault(error_class, effect.reason).then(OR_CLOSE).at(source=source, alias=alias)
    return advise_pending(effect, error_class, budget, now).at(source=source, alias=alias)


def advise_pending(
    effect: Effect, error_class: str, budget: Budget | None, now: datetime
) -> Advice:
    """Return what to do about an effect that is still to be run."""
    if budget is not None and is_closed(budget, now):
        advice = BUDGETS[budget.read_state(now)]
        return Advice(advice.whose, advice.todo, Place.INTEGRATION)
    if effect.attempts_made and effect.reason != PARTY_UNKNOWN:
        return find_fault(error_class, effect.reason)
    return WAIT


def advise_attempt(attempt: Attempt) -> Advice | None:
    """Return what to make of one attempt; None where it went well or is under way."""
    if attempt.outcome in (
        Attempt.Outcome.TEMPORARY,
        Attempt.Outcome.PERMANENT,
        Attempt.Outcome.LOST,
    ):
        return find_fault(attempt.error_class, attempt.error)
    return None
