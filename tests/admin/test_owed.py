"""An event's page answers for each integration why something came of it, or why nothing did."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.pages import page_of
from tests.factories import EffectFactory, EventFactory, SourceFactory
from tests.operations.brokers import no_broker
from tests.workers import process_all
from webhooks.admin.words.owed import Reason
from webhooks.models import Effect, Event, Route

pytestmark = pytest.mark.django_db

ENDED = {"status": "completed", "duration_seconds": 5}


def store(event_type: str, *, processed: bool = True, **given: Any) -> Event:
    """Return an event, processed by today's routes unless it is to wait."""
    event: Event = EventFactory.create(event_type=event_type, **given)
    if processed:
        with no_broker():
            process_all([event])
    event.refresh_from_db()
    return event


def explain(client: Client, event: Event, integration: str) -> list[Reason]:
    """Return what the event's page says of an integration."""
    label = Effect.Integration(integration).label
    reasons = client.get(page_of(event)).context["reasons"]
    return [reason for reason in reasons if reason.integration == label]


def test_condition_that_does_not_hold_is_named_with_what_was_said_instead(staff: Client) -> None:
    """No ticket, since the conversation did not fail."""
    event = store("conversation.ended", data=ENDED)
    (ticket,) = explain(staff, event, "tickets")
    assert "only if the conversation failed" in ticket.words
    assert "the conversation's status is “completed”" in ticket.words


def test_goals_and_follow_ups_are_named(staff: Client) -> None:
    """No ticket since no goal was missed, and no task since none is asked for."""
    data = {"goals": [{"name": "Ada's secret", "achieved": True}]}
    event = store("conversation.analysis.completed", data=data)
    (ticket,) = explain(staff, event, "tickets")
    assert "none of its 1 goals was missed" in ticket.words
    (task,) = explain(staff, event, "tasks")
    assert "its analysis asks for no follow-up" in task.words


def test_integration_without_a_route_says_so(staff: Client) -> None:
    """With the way to the routes."""
    (ticket,) = explain(staff, store("conversation.started"), "tickets")
    assert ticket.words == "No route asks for it when a conversation.started comes."
    assert [link.text for link in ticket.links] == ["Open the routes"]


def test_route_that_is_off_says_so(staff: Client) -> None:
    """The skipped effect carries the reason."""
    Route.objects.filter(integration="usage").update(is_active=False)
    (usage,) = explain(staff, store("conversation.ended", data=ENDED), "usage")
    assert usage.words == "Its route is switched off."


def test_agent_outside_the_scope_says_so(staff: Client) -> None:
    """A source may be for some agents only."""
    source = SourceFactory.create(agent_scope=["somebody else"])
    (usage,) = explain(staff, store("conversation.ended", data=ENDED, source=source), "usage")
    assert usage.words == "The agent is outside the source's scope."


def test_what_another_event_owes_already_leads_there(staff: Client) -> None:
    """A call that is reported twice is billed once, and the second event says by which."""
    first = store("conversation.ended", data=ENDED, conversation_uuid="twice")
    second = store("conversation.ended", data=ENDED, conversation_uuid="twice")
    (usage,) = explain(staff, second, "usage")
    assert "Another event had asked for the same before" in usage.words
    holder = Effect.objects.get(event=first, integration="usage")
    assert {page_of(holder), page_of(first)} < {link.url for link in usage.links}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("pending", "is not processed yet"),
        ("held", "while its source is paused"),
        ("failed", "processing of the event failed"),
        ("dead", "was given up"),
        ("closed", "was closed without being processed"),
    ],
)
def test_event_that_was_not_processed_says_that_first(
    staff: Client, status: str, said: str
) -> None:
    """And what it will owe."""
    event = store("conversation.ended", processed=False, data=ENDED, status=status)
    assert said in staff.get(page_of(event)).context["not_processed"]
    (usage,) = explain(staff, event, "usage")
    assert "as soon as the event is processed" in usage.words


def test_route_that_was_added_since_says_so(staff: Client) -> None:
    """What today's routes ask for, and is not there, a replay brings."""
    event = store("conversation.started")
    Route.objects.create(event_type="conversation.started", integration="tickets")
    (ticket,) = explain(staff, event, "tickets")
    assert "Replay the event to have it done." in ticket.words


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"body": b"no JSON"}, "cannot be read"),
        ({"body": None, "body_sha256": b"", "body_bytes": 0}, "not stored any more"),
        ({"conversation_uuid": ""}, "names no conversation"),
    ],
)
def test_event_that_says_nothing_says_why(staff: Client, given: dict[str, Any], said: str) -> None:
    """A page never fails for what was sent."""
    event = store("conversation.ended", processed=False, **given)
    (ticket,) = explain(staff, event, "tickets")
    assert said in ticket.words


def test_effect_that_is_done_once_more_is_told_apart(staff: Client) -> None:
    """The page has both, and says which is which."""
    event = store("conversation.ended", data=ENDED)
    first = Effect.objects.get(event=event, integration="usage")
    again = EffectFactory.create(
        event=event,
        conversation=first.conversation,
        integration="usage",
        redo_of=first,
        state="succeeded",
    )
    once, more = explain(staff, event, "usage")
    assert once.words == "It is done."
    assert more.words == "Somebody had it done once more. It is done."
    assert f'href="{page_of(again)}"' in staff.get(page_of(first)).text
    assert "Does again what was done by" in staff.get(page_of(again)).text


def test_nothing_is_written_for_the_answer(staff: Client) -> None:
    """The page asks planning's functions, and none of what they say becomes a row."""
    event = store("conversation.ended", processed=False, data=ENDED)
    with CaptureQueriesContext(connection) as queries:
        staff.get(page_of(event))
    tables = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert not [sql for sql in tables if "webhooks_" in sql]
    assert not Effect.objects.exists()


def test_event_page_keeps_to_twenty_queries(staff: Client) -> None:
    """Whatever it owes, and however often it came."""
    event = store("conversation.ended", data=ENDED)
    EffectFactory.create_batch(20, event=event)
    for page in (event, Effect.objects.filter(event=event)[0]):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(page_of(page)).status_code == 200
        assert len(queries) <= 20, [query["sql"] for query in queries]
