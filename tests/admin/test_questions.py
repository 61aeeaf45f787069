"""The page between an action and its being done: what it says, and what it keeps to."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from integrations.budget import pause
from tests.admin.pages import address, answer, choose, list_of, page_of, read_hidden
from tests.admin.story import Story
from tests.factories import EffectFactory, EventFactory, SourceFactory
from webhooks.admin.acts import run_questions
from webhooks.models import Effect, Event, Replay
from webhooks.operations.runs import carry_out

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The help desk has the form now."


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501])
@pytest.mark.parametrize("action", ["retry", "replay", "close"])
def test_nothing_happens_without_a_reason(
    operator: Client, story: Story, dead: Event, action: str, reason: str | None
) -> None:
    """The question is asked again, and nothing is written down."""
    row = story.failed if action == "retry" else dead
    path = choose(operator, action, row)
    sent = read_hidden(operator.get(path).text)
    response = operator.post(path, sent if reason is None else {**sent, "reason": reason})
    assert response.status_code == 200
    assert "Why?" in response.text
    assert not Replay.objects.exclude(requested_from="command").exists()


def test_a_form_that_is_sent_twice_starts_one_run(operator: Client, story: Story) -> None:
    """A double click, and a page that is sent again after it was answered, lead to the same run."""
    path = choose(operator, "retry", story.failed)
    sent = {**read_hidden(operator.get(path).text), "reason": WHY}
    places = {operator.post(path, sent).headers["Location"] for _ in range(3)}
    run = Replay.objects.get(reason=WHY)
    assert places == {page_of(run)}
    carry_out(run)
    assert operator.post(path, sent).headers["Location"] == page_of(run)
    assert Replay.objects.filter(reason=WHY).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_one_moment_start_one_run(staff: Client, story: Story) -> None:
    """Whoever loses the race is led to the winner's run."""
    path = choose(staff, "retry", story.failed)
    sent = {**read_hidden(staff.get(path).text), "reason": WHY}

    def click(_: int) -> str:
        client = Client()
        client.cookies = staff.cookies
        try:
            return client.post(path, sent).headers["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        places = set(threads.map(click, range(4)))
    assert places == {page_of(Replay.objects.get(reason=WHY))}


def test_a_page_that_comes_back_incomplete_starts_nothing(operator: Client, story: Story) -> None:
    """Without its key nobody could tell a double click from two wishes."""
    path = choose(operator, "retry", story.failed)
    response = operator.post(path, {"reason": WHY})
    assert "This page has come back incomplete" in response.text
    assert not Replay.objects.filter(reason=WHY).exists()


def test_rows_that_come_after_the_page_are_not_meant(operator: Client, story: Story) -> None:
    """All that match are those that it has told of; the page says so."""
    told = EffectFactory.create(
        event=story.failed.event, conversation=story.conversation, state="dead"
    )
    path = choose(operator, "retry", told, across="1", query="?state__exact=dead")
    asked = operator.get(path).text
    assert "Effects that match</td><td>1<" in asked
    assert "Rows that come after this page was made are not" in asked
    late = EffectFactory.create(
        event=story.failed.event, conversation=story.conversation, state="dead"
    )
    operator.post(path, {**read_hidden(asked), "reason": WHY})
    carry_out(Replay.objects.get(reason=WHY))
    states = [Effect.objects.get(pk=effect.pk).state for effect in (told, late)]
    assert states == ["pending", "dead"]


def test_all_that_match_are_taken_however_many(
    operator: Client, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page looks at some, says so, and the run takes the filter's, beyond the list's page."""
    monkeypatch.setattr(run_questions, "EXAMINED", 60)
    EffectFactory.create_batch(
        130,
        event=story.failed.event,
        conversation=story.conversation,
        integration="usage",
        state="dead",
    )
    path = choose(operator, "retry", story.failed, across="1", query="?state__exact=dead")
    asked = operator.get(path).text
    assert "Only the first 60 of 130 were looked at; all are meant." in asked
    assert "Usage: tried again</td><td>60<" in asked
    answer(operator, path, WHY)
    run = carry_out(Replay.objects.get(reason=WHY))
    assert (run.found, run.looked_at, run.effects_to_run) == (130, 130, 130)
    assert run.selection == {"rows": "effects", "state": "dead"}
    story.failed.refresh_from_db()
    assert story.failed.state == "failed"


def test_closing_an_event_leaves_its_effects_alone(operator: Client, story: Story) -> None:
    """One that is processed is not closed for the sake of its effects."""
    asked = operator.get(choose(operator, "close", story.failed.event)).text
    assert "Left alone: processed; its failed effects are closed in the list" in asked
    assert "There is nothing to do here." in asked


def test_question_leads_back_to_where_it_was_asked(
    operator: Client, story: Story, dead: Event
) -> None:
    """To the list with its filters, or to the row's page."""
    for row, action in ((story.failed, "retry"), (dead, "replay")):
        asked = operator.get(choose(operator, action, row, query="?needs=people")).text
        assert f'href="{list_of(type(row))}?needs=people">Back to the ' in asked
        asked = operator.get(address(type(row), "close_one", row.pk)).text
        assert f'href="{page_of(row)}">Back to the ' in asked


def test_nothing_to_do_leads_back_with_the_filters(operator: Client, story: Story) -> None:
    """Where somebody else was faster; the message says what is so."""
    query = f"?needs=people&integration__exact={escape('tickets')}"
    path = choose(operator, "close", story.failed, query=query)
    sent = {**read_hidden(operator.get(path).text), "reason": WHY}
    Effect.objects.filter(pk=story.failed.pk).update(state="succeeded")
    response = operator.post(path, sent, follow=True)
    assert response.redirect_chain == [(list_of(Effect) + query, 302)]
    assert "Nothing to do: none of them failed or is dead." in response.text
    assert not Replay.objects.filter(reason=WHY).exists()


def test_error_and_help_are_tied_to_the_field(operator: Client, story: Story) -> None:
    """So that who hears the page hears them with it."""
    asked = answer(operator, choose(operator, "retry", story.failed), "").text
    field = re.search('<input[^>]*name="reason"[^>]*>', asked)
    assert field
    named = re.search('aria-describedby="([^"]*)"', field.group())
    assert named
    assert len(named.group(1).split()) == 2
    for name in named.group(1).split():
        assert asked.count(f'id="{name}"') == 1
    assert "aria-invalid" in field.group()


def test_question_says_what_takes_nothing_for_now(operator: Client, story: Story) -> None:
    """Whoever retries before a pause is over is not left wondering."""
    pause("tickets", "ada", "They move.")
    asked = operator.get(choose(operator, "retry", story.failed)).text
    assert "Tickets takes nothing for now" in asked
    source = SourceFactory.create(slug="phones", paused_at="2026-01-01T00:00Z", paused_by="ada")
    event = EventFactory.create(source=source, status="dead")
    asked = operator.get(choose(operator, "replay", event)).text
    assert "The source phones is paused" in asked


def test_who_may_see_no_runs_is_led_back(operator: Client, story: Story) -> None:
    """With the number of the run, and no link that would refuse them."""
    user = User.objects.get(username="vic")
    role = user.groups.get()
    user.user_permissions.set(role.permissions.exclude(codename="view_replay"))
    user.groups.clear()
    response = answer(operator, choose(operator, "close", story.failed), WHY)
    run = carry_out(Replay.objects.get(reason=WHY))
    assert response.headers["Location"] == list_of(Effect)
    said = operator.get(list_of(Effect)).text
    assert f"Run {run.pk} has been asked for." in said
    page = operator.get(page_of(story.failed)).text
    assert f"Closed by vic: {WHY}" in page
    assert page_of(run) not in said + page


def test_question_about_many_effects_takes_no_more_queries_than_about_one(
    operator: Client, story: Story, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """A page of a list is asked about at once."""
    rows = EffectFactory.create_batch(
        40, event=story.failed.event, conversation=story.conversation, state="dead"
    )
    path = choose(operator, "retry", *rows)
    with django_assert_max_num_queries(18):
        operator.get(path)
