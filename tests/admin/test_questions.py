"""The page between an action on rows that went wrong and its being done."""

import re

import pytest
from django.db.models import Model
from django.test import Client
from django.utils.html import escape

from integrations.budget import pause
from tests.admin.pages import address, choose, list_of, page_of, read_shown
from tests.admin.story import CONVERSATION, Story
from tests.factories import EffectFactory, EventFactory
from webhooks.admin.effects import EffectAdmin
from webhooks.admin.events import EventAdmin
from webhooks.models import Effect, Event

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The help desk has the form now."


@pytest.mark.parametrize("action", ["retry_chosen", "close_chosen"])
def test_what_is_done_is_what_was_told_of(operator: Client, story: Story, action: str) -> None:
    """Of all that match: neither what died since, nor what somebody else has put right since."""
    told, other, late = EffectFactory.create_batch(
        3, event=story.failed.event, conversation=story.conversation, state="dead"
    )
    Effect.objects.filter(pk=late.pk).update(state="running")
    chosen = {"across": "1", "query": "?state__exact=dead"}
    asked = choose(operator, action, told, **chosen)
    shown = read_shown(asked)
    Effect.objects.filter(pk=late.pk).update(state="dead")
    Effect.objects.filter(pk=other.pk).update(state="succeeded")
    again = choose(operator, action, told, reason="", shown=shown, **chosen)
    assert read_shown(again) == str(told.pk)
    choose(operator, action, told, reason=WHY, shown=shown, **chosen)
    states = [Effect.objects.get(pk=effect.pk).state for effect in (told, other, late)]
    done = {"retry_chosen": "pending", "close_chosen": "closed"}[action]
    assert states == [done, "succeeded", "dead"]


def test_nothing_is_done_where_all_that_was_told_of_is_put_right(
    operator: Client, story: Story
) -> None:
    """And not something else instead."""
    rows = EffectFactory.create_batch(
        2, event=story.failed.event, conversation=story.conversation, state="dead"
    )
    chosen = {"across": "1", "query": "?state__exact=dead"}
    Effect.objects.filter(pk=rows[1].pk).update(state="running")
    shown = read_shown(choose(operator, "retry_chosen", rows[0], **chosen))
    Effect.objects.filter(pk=rows[0].pk).update(state="succeeded")
    Effect.objects.filter(pk=rows[1].pk).update(state="dead")
    asked = choose(operator, "retry_chosen", rows[0], reason=WHY, shown=shown, **chosen)
    assert "There is nothing to do here." in asked
    assert Effect.objects.get(pk=rows[1].pk).state == "dead"


@pytest.fixture
def many(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have more rows wait for people than one request deals with."""
    for rows in (EffectAdmin, EventAdmin):
        monkeypatch.setattr(rows, "most", 1)
    EventFactory.create_batch(2, status="dead")
    EffectFactory.create_batch(
        2,
        event=story.failed.event,
        conversation=story.conversation,
        integration="usage",
        state="dead",
    )


@pytest.mark.parametrize(
    ("model", "query", "command"),
    [
        (Effect, "?needs=people", "retry_effects --all"),
        (
            Effect,
            "?integration__exact=usage&state__exact=dead&p=",
            "retry_effects --integration usage --state dead",
        ),
        (Effect, f"?needs=people&q={CONVERSATION}", None),
        (Event, "?needs=people", "replay_events --failed"),
        (
            Event,
            "?status__exact=dead&event_type=conversation.ended",
            "replay_events --failed --status dead --type conversation.ended",
        ),
    ],
)
def test_command_that_is_named_says_what_the_filters_say(
    operator: Client,
    many: None,  # noqa: ARG001 -- more than a request deals with
    model: type[Model],
    query: str,
    command: str | None,
) -> None:
    """As it can be typed; none is named that would do more than the list shows."""
    marked = model._default_manager.all()[0]  # noqa: SLF001 -- documented API
    asked = choose(operator, "retry_chosen", marked, across="1", query=query)
    ending = f", or have manage.py {command} --reason … do all." if command else "."
    assert f"Do the same again for the others{ending}<" in asked


def test_closing_an_event_leaves_its_effects_to_their_own_list(
    operator: Client, story: Story
) -> None:
    """One that is processed is left alone, and nothing is said of how its effects went."""
    asked = choose(operator, "close_chosen", story.failed.event)
    assert "processed; its effects are closed in their own list</td><td>1<" in asked
    assert "none of its effects failed" not in asked


def test_question_leads_back_to_where_it_was_asked(
    operator: Client, story: Story, dead: Event
) -> None:
    """To the list with its filters, or to the row's page."""
    for row in (story.failed, dead):
        query = "?needs=people&p="
        asked = choose(operator, "retry_chosen", row, query=query)
        assert f'href="{list_of(type(row))}{escape(query)}">Back to the ' in asked
        asked = operator.get(address(type(row), "close_one", row.pk)).text
        assert f'href="{page_of(row)}">Back to the ' in asked


def test_error_and_help_are_tied_to_the_field(operator: Client, story: Story) -> None:
    """So that who hears the page hears them with it."""
    asked = choose(operator, "retry_chosen", story.failed, reason="")
    field = re.search('<input[^>]*name="reason"[^>]*>', asked)
    assert field
    named = re.search('aria-describedby="([^"]*)"', field.group())
    assert named
    assert len(named.group(1).split()) == 2
    for name in named.group(1).split():
        assert asked.count(f'id="{name}"') == 1
    assert "aria-invalid" in field.group()


def test_question_says_which_integration_takes_nothing(operator: Client, story: Story) -> None:
    """Whoever retries before a pause is over is not left wondering."""
    pause("tickets", "ada", "They move.")
    assert "Tickets takes nothing for now" in choose(operator, "retry_chosen", story.failed)
