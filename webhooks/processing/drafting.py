"""Work out what events come to, without asking or telling anybody.

All that a batch says of a conversation is taken in before anything is planned, so that none of its
events is planned too early for another one's sake. An event that cannot be taken in or planned is
left out, with all that it says, as if it had not been in the batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from webhooks.models import Conversation, Event, Route
from webhooks.processing.planning import Plan
from webhooks.processing.projection import Facts, merge, read_facts
from webhooks.processing.routing import Occasion, find_owed

Routes = Mapping[str, Sequence[Route]]
"""The routes by the type of event that they are for."""

Failures = dict[int, Exception]
"""What went wrong with which event, by the event's key."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with what it says."""

    event: Event
    facts: Facts


@dataclass(frozen=True, slots=True)
class Draft:
    """What a batch comes to for one conversation: how it is then, and what is owed."""

    conversation: Conversation
    is_changed: bool
    plans: Sequence[Plan]


def read_all(events: Iterable[Event], failures: Failures) -> list[Told]:
    """Return what the events say; add those to `failures` of which that cannot be read."""
    told = []
    for event in events:
        try:
            told.append(Told(event, read_facts(event)))
        except Exception as error:  # noqa: BLE001 -- a fault of one event is not the batch's
            failures[event.pk] = error
    return told


def draft_batch(
    told: Iterable[Told],
    earlier: Iterable[Told],
    known: Mapping[str, Conversation],
    routes: Routes,
    failures: Failures,
) -> list[Draft]:
    """Return what the events come to, conversation by conversation.

    `earlier` ones are of the same conversations, have been processed before, and are planned once
    more. Events that cannot be taken in or planned are added to `failures`.
    """
    new, old = group(told), group(earlier)
    drafts = []
    for name, own in new.items():
        # Others may rest on what was taken in of one that fails: from the beginning, without it.
        while left := [each for each in own if each.event.pk not in failures]:
            found: Failures = {}
            draft = draft_conversation(known[name], left, old.get(name, []), routes, found)
            if not found:
                drafts.append(draft)
                break
            failures.update(found)
    return drafts


def group(told: Iterable[Told]) -> dict[str, list[Told]]:
    """Return the events by the names of their conversations."""
    groups: dict[str, list[Told]] = {}
    for each in told:
        groups.setdefault(each.event.conversation_uuid, []).append(each)
    return groups


def draft_conversation(
    known: Conversation,
    told: Sequence[Told],
    earlier: Sequence[Told],
    routes: Routes,
    failures: Failures,
) -> Draft:
    """Return the draft for one conversation, which is of use if nothing is added to `failures`."""
    conversation = copy_conversation(known)
    for each in told:
        try:
            conversation.version += bool(merge(conversation, each.facts))
        except Exception as error:  # noqa: BLE001 -- as in read_all
            failures[each.event.pk] = error
    plans = []
    for each in (*told, *earlier):
        occasion = Occasion(each.event, each.facts, conversation)
        is_new = each in told
        try:
            owed = find_owed(occasion, routes.get(each.event.event_type, ()))
        except Exception as error:  # noqa: BLE001 -- as in read_all
            # An earlier one stays as it was planned. Those for whose sake it was to be planned
            # fail where people see them, and are tried again.
            blamed = [each] if is_new else told
            failures.update({one.event.pk: error for one in blamed})
        else:
            plans.append(Plan(occasion, owed, is_settled=not is_new))
    return Draft(conversation, conversation.version != known.version, plans)


def copy_conversation(conversation: Conversation) -> Conversation:
    """Return a copy that can take facts in while the original stays as it is."""
    fresh = copy(conversation)
    fresh.stamps = dict(conversation.stamps)
    return fresh
