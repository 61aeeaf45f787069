"""Find rows by what people have in hand: an event id, a conversation, a key, a ticket's number.

An id may be given by its beginning. Each step asks one indexed question and hands on the keys it
found, since Postgres can combine the indexes of one table but not of a join.
"""

import re
from uuid import UUID

from django.db.models import Q

from integrations.phone_numbers import normalise_phone_number
from webhooks.models import Conversation, Effect, Event
from webhooks.models.numbers import by_digits, reverse_digits

MOST = 200
"""Rows that one step hands on; who searches for less than an id's beginning gets the first ones."""

SHORTEST = 4
"""Characters that a beginning must have."""

SHORTEST_END = 6
"""Digits that the end of a phone number must have."""


def match_events(term: str) -> Q:
    """Return what finds events by their id or conversation."""
    return Q(pk__in=find_events(term)) | Q(conversation_uuid__in=find_conversations(term))


def match_deliveries(term: str) -> Q:
    """Return what finds deliveries by their event or its conversation."""
    return Q(event__in=list(Event.objects.filter(match_events(term)).values_list("pk", flat=True)))


def match_conversations(term: str) -> Q:
    """Return what finds conversations by their id or by one of their events."""
    events = Event.objects.filter(pk__in=find_events(term))
    names = [*find_conversations(term), *events.values_list("conversation_uuid", flat=True)]
    return Q(conversation_uuid__in=names)


def match_effects(term: str) -> Q:
    """Return what finds effects by their key, their record at a vendor, event or conversation."""
    conversations = Conversation.objects.filter(conversation_uuid__in=find_conversations(term))
    return (
        match_key(term)
        | match_record(term)
        | Q(event__in=find_events(term))
        | Q(conversation__in=list(conversations.values_list("pk", flat=True)))
    )


def match_attempts(term: str) -> Q:
    """Return what finds attempts by what finds their effects."""
    effects = Effect.objects.filter(match_effects(term))[:MOST]
    return Q(effect__in=list(effects.values_list("pk", flat=True)))


def match_key(term: str) -> Q:
    """Return what finds the effects of an idempotency key, skipped ones with them.

    The index on the key leaves skipped rows out; but a key names one conversation, so the effect
    that holds the key tells where the others are.
    """
    holder = Effect.objects.filter(idempotency_key=term).exclude(state=Effect.State.SKIPPED)
    conversation = holder.values_list("conversation", flat=True).first()
    return Q(conversation=conversation, idempotency_key=term) if conversation else Q(pk__in=[])


def match_record(term: str) -> Q:
    """Return what finds effects by the id of the record that they left at a vendor.

    Also by its address, and as people write the number of a ticket: `#35436`.
    """
    names = {term, term.removeprefix("#")}
    if term.startswith(("https://", "http://", "/")):
        names |= {part for part in re.split("[/?#]", term) if any(map(str.isdigit, part))}
    return Q(external_id__in=sorted(names - {""})) & ~Q(external_id="")


def may_be_number(term: str) -> bool:
    """Tell whether `term` may be a phone number, or the end of one."""
    return len(reverse_digits(normalise_phone_number(term))) >= SHORTEST_END


def find_number(term: str, most: int) -> list[int]:
    """Return the keys of the latest `most` conversations from or to the number `term`.

    A number with its country is the whole one, however it was written. One without finds all that
    end like it. Each column is asked by itself: an index has its rows in the order wanted.
    """
    number = normalise_phone_number(term)
    digits = reverse_digits(number)
    if len(digits) < SHORTEST_END:
        return []
    found: set[int] = set()
    for column in ("from_number", "to_number"):
        known = Conversation.objects.exclude(**{column: ""}).annotate(digits=by_digits(column))
        whole = known.filter(digits=digits).order_by("-pk")
        found |= set(whole.values_list("pk", flat=True)[:most])
        if not number.startswith("+"):
            # A trunk zero stands for the country's digits.
            end = known.filter(digits__startswith=reverse_digits(number.lstrip("0")))
            end = end.exclude(digits=digits).order_by("digits", "-pk")
            found |= set(end.values_list("pk", flat=True)[:most])
    return sorted(found, reverse=True)[:most]


def find_events(term: str) -> list[int]:
    """Return the keys of the events whose id is `term` or begins with it."""
    digits = term.replace("-", "").lower()
    if not SHORTEST <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):  # noqa: PLR2004 -- a UUID's digits
        return []
    bounds = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    events = Event.objects.filter(event_id__range=bounds).order_by("event_id")
    return list(events.values_list("pk", flat=True)[:MOST])


def find_conversations(term: str) -> list[str]:
    """Return the ids of the conversations whose id is `term` or begins with it.

    `term` itself is always among them: its events may not have been processed yet.
    """
    if len(term) < SHORTEST:
        return [term]
    known = Conversation.objects.filter(conversation_uuid__startswith=term)
    names = known.order_by("conversation_uuid").values_list("conversation_uuid", flat=True)
    return [term, *names[:MOST]]
