"""What the search box of every page finds: rows of each kind that the searcher may see."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, Q, QuerySet
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from integrations.personal_data import may_see_payload
from integrations.phone_numbers import mask_phone_number
from webhooks.admin.find.search import (
    find_conversations,
    find_events,
    find_number,
    match_key,
    match_record,
)
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import page_of, shorten, shorten_text, show_age
from webhooks.models import Conversation, Effect, Event

SHOWN = 20
"""Rows of a kind on the page; of more it only says that there are more."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found, with enough to tell it from others. `facts` has nothing personal."""

    url: str
    title: str
    label: SafeString
    facts: Sequence[str]
    when: SafeString | str


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of a kind that were found, and what was searched for in them."""

    title: str
    tried: str
    hits: Sequence[Hit]
    has_more: bool


def find(term: str, person: User | AnonymousUser, *, by_number: bool) -> list[Group]:
    """Return what `term` finds, kind by kind, among what `person` may see.

    `by_number`: conversations are found by their phone numbers as well, for who may see these.
    """
    return [
        make_group(capfirst(title), tried, rows)
        for model, title, tried, rows in search(
            term, by_number=by_number and may_see_payload(person)
        )
        if may_see(person, model)
    ]


def search(term: str, *, by_number: bool) -> Iterator[tuple[type[Model], str, str, QuerySet[Any]]]:
    """Yield each kind with what finds it, and the rows, latest first; asks no more than it must."""
    conversations = Conversation.objects.only(
        "conversation_uuid",
        "status",
        "agent_name",
        "agent_uuid",
        "direction",
        "from_number",
        "to_number",
        "first_seen_at",
    )
    if by_number:
        numbers = find_number(term, SHOWN + 1)
        rows = conversations.filter(pk__in=numbers)
        yield Conversation, "conversations by phone number", "a phone number", rows
    names = find_conversations(term)
    rows = conversations.filter(conversation_uuid__in=names)
    yield Conversation, "conversations", "a conversation", rows
    # What belongs to a conversation is on its page; as long as it has none, its events are all.
    named = Q(conversation_uuid=term) if not rows.filter(conversation_uuid=term) else Q(pk__in=[])
    events = Event.objects.select_related("source").defer("body", "body_sha256")
    yield (
        Event,
        "events",
        "an event",
        events.filter(Q(pk__in=find_events(term)) | named),
    )
    effects = Effect.objects.select_related("conversation", "event").only(
        "integration",
        "state",
        "external_id",
        "idempotency_key",
        "created_at",
        "conversation__conversation_uuid",
        "event__event_type",
    )
    yield (
        Effect,
        "effects",
        "a record at a vendor or an idempotency key",
        effects.filter(match_key(term) | match_record(term)),
    )


def make_group(title: str, tried: str, rows: QuerySet[Any]) -> Group:
    """Return the rows as the page shows them."""
    found = list(rows.order_by("-pk")[: SHOWN + 1])
    hits = [describe(row) for row in found[:SHOWN]]
    return Group(title, tried, hits, has_more=len(found) > SHOWN)


def may_see(person: User | AnonymousUser, model: type[Model]) -> bool:
    """Tell whether `person` may open rows of the model."""
    return person.has_perm(f"webhooks.view_{model._meta.model_name}")  # noqa: SLF001 -- documented API


def list_hits(groups: Iterable[Group]) -> list[Hit]:
    """Return all rows that were found, each once: a term may find a row in two ways."""
    return list({hit.url: hit for group in groups for hit in group.hits}.values())


def describe(row: Any) -> Hit:
    """Return a row of any kind as the page shows it."""
    if isinstance(row, Conversation):
        return describe_conversation(row)
    return describe_event(row) if isinstance(row, Event) else describe_effect(row)


def describe_conversation(row: Conversation) -> Hit:
    """Return a conversation: with whom, and its numbers masked."""
    numbers = [mask_phone_number(number) for number in (row.from_number, row.to_number) if number]
    agent = row.agent_name or shorten(row.agent_uuid)
    return Hit(
        url=page_of(Conversation, row.pk),
        title=row.conversation_uuid,
        label=render_label(row.status, row.get_status_display() or "unknown"),
        facts=[fact for fact in (row.direction, " to ".join(numbers), agent) if fact],
        when=show_age(row.first_seen_at),
    )


def describe_event(row: Event) -> Hit:
    """Return an event: its type, source and conversation."""
    conversation = shorten(row.conversation_uuid)
    return Hit(
        url=page_of(Event, row.pk),
        title=str(row.event_id),
        label=render_label(Event.Status(row.status)),
        facts=[row.event_type, row.source.slug, *([conversation] if conversation else [])],
        when=show_age(row.received_at),
    )


def describe_effect(row: Effect) -> Hit:
    """Return an effect: where, its record there, and what it is owed for."""
    record = [f"record {shorten_text(row.external_id, 40)}"] if row.external_id else []
    return Hit(
        url=page_of(Effect, row.pk),
        title=f"{row.get_integration_display()}: {shorten_text(row.idempotency_key, 80)}",
        label=render_label(Effect.State(row.state)),
        facts=[row.event.event_type, shorten(row.conversation.conversation_uuid), *record],
        when=show_age(row.created_at),
    )
