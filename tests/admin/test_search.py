"""Rows are found by what people have in hand, through an index."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.pages import list_of
from tests.admin.story import CONVERSATION, Story
from tests.factories import EffectFactory, EventFactory
from webhooks.admin.find.search import (
    match_attempts,
    match_conversations,
    match_deliveries,
    match_effects,
    match_events,
)
from webhooks.models import Attempt, Conversation, Delivery, Effect, Event

MATCHES = {
    Event: match_events,
    Delivery: match_deliveries,
    Conversation: match_conversations,
    Effect: match_effects,
    Attempt: match_attempts,
}


def find(client: Client, model: type[Model], term: str) -> set[int]:
    """Return the keys of the rows that a list shows for a search."""
    response = client.get(list_of(model), {"q": term})
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


@pytest.fixture(autouse=True)
def _others(story: Story) -> None:
    """Have rows that no search is after."""
    assert story
    EffectFactory.create()


@pytest.mark.parametrize("model", MATCHES)
@pytest.mark.parametrize("term", [CONVERSATION, CONVERSATION[:8], f"  {CONVERSATION} "])
def test_all_of_a_conversation_is_found_by_its_id(
    staff: Client, model: type[Model], term: str
) -> None:
    """Whole or by its beginning, it finds what belongs to it and nothing else."""
    paths = {
        Event: "conversation_uuid",
        Delivery: "event__conversation_uuid",
        Conversation: "conversation_uuid",
        Effect: "conversation__conversation_uuid",
        Attempt: "effect__conversation__conversation_uuid",
    }
    rows = model._default_manager.filter(**{paths[model]: CONVERSATION})  # noqa: SLF001
    expected = set(rows.values_list("pk", flat=True))
    assert expected
    assert find(staff, model, term) == expected


@pytest.mark.parametrize("length", [36, 20, 8])
def test_event_is_found_by_its_id(staff: Client, story: Story, length: int) -> None:
    """Whole or by its beginning, with and without hyphens."""
    name = str(story.ended.event_id)
    assert find(staff, Event, name[:length]) == {story.ended.pk}
    assert find(staff, Event, name[:length].replace("-", "").upper()) == {story.ended.pk}
    assert find(staff, Delivery, name[:length]) == {row.pk for row in story.ended.deliveries.all()}
    assert find(staff, Effect, name[:length]) == {row.pk for row in story.ended.effects.all()}
    assert find(staff, Conversation, name[:length]) == {story.conversation.pk}


def test_effect_is_found_by_its_key_with_those_that_were_skipped(
    staff: Client, story: Story
) -> None:
    """A key finds the effect that holds it and every row that asked for it as well."""
    skipped = EffectFactory.create(
        conversation=story.conversation,
        idempotency_key=story.failed.idempotency_key,
        state=Effect.State.SKIPPED,
    )
    found = find(staff, Effect, story.failed.idempotency_key)
    assert found == {story.failed.pk, skipped.pk}
    attempts = {row.pk for row in story.failed.attempts.all()}
    assert find(staff, Attempt, story.failed.idempotency_key) == attempts


def test_event_is_found_by_its_conversation_before_it_is_processed(staff: Client) -> None:
    """There is no row for the conversation yet, but somebody may look for it."""
    event = EventFactory.create(conversation_uuid="not-processed-yet")
    assert find(staff, Event, "not-processed-yet") == {event.pk}


@pytest.mark.parametrize("model", MATCHES)
def test_search_for_something_else_finds_nothing(staff: Client, model: type[Model]) -> None:
    """Neither a wildcard nor a part of an id finds rows by accident."""
    for term in (
        "%",
        "%%%%",
        "____",
        "c0f",
        "nothing",
        "'",
        "ffffffff-0000",
        "x" * 500,
        "\U0001f600",
    ):
        assert find(staff, model, term) == set(), term


@pytest.mark.parametrize("model", MATCHES)
def test_search_takes_no_null_character(staff: Client, model: type[Model]) -> None:
    """Postgres holds none; the page says so instead of failing."""
    response = staff.get(list_of(model), {"q": "a\0b"})
    assert response.status_code == 200
    assert "Null characters" in str(next(iter(get_messages(response.wsgi_request))))


@pytest.mark.parametrize("model", MATCHES)
@pytest.mark.parametrize("kind", ["event", "conversation", "key"])
def test_search_is_served_by_indexes(story: Story, model: type[Model], kind: str) -> None:
    """Each query that a search makes has an index for what it asks, so none reads a whole table."""
    term = {
        "event": str(story.ended.event_id),
        "conversation": CONVERSATION[:8],
        "key": story.failed.idempotency_key,
    }[kind]
    with CaptureQueriesContext(connection) as queries:
        list(model._default_manager.order_by("-pk").filter(MATCHES[model](term)))  # noqa: SLF001
    with connection.cursor() as cursor:
        # With a handful of rows Postgres would read them all, or walk along the primary key.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        for query in queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor)
            # Every scan is of an index and by a condition on it, not along the whole of it.
            scans = plan.count("Index Scan") + plan.count("Index Only Scan")
            assert scans == plan.count("Index Cond") > 0, plan
            assert "Seq Scan" not in plan, plan
