"""An error that quotes what was said is shown by its class alone, through every door."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from integrations.base import Request
from tests.admin.pages import list_of, page_of
from tests.admin.story import CONVERSATION, NUMBER, TRANSCRIPT, describe_conversation
from tests.commands.typed import type_command
from tests.factories import EventFactory
from tests.operations.brokers import no_broker
from tests.processing.integration import bind_callback
from tests.workers import process_all
from webhooks.models import Effect, Event
from webhooks.processing import drafting

WORDS = f"{TRANSCRIPT}, and my number is {NUMBER}"


@pytest.fixture
def event(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:  # noqa: ARG001 -- asks for the database
    """Return an event that died of an error that quotes it, beside one all of whose effects did."""

    def quote(request: Request) -> None:
        raise LookupError(f"{WORDS} {request!r}") from ValueError(WORDS)

    def stumble(facts: object) -> None:
        raise KeyError(f"{WORDS} {facts!r}") from ValueError(WORDS)

    settings.WEBHOOKS_MAX_ATTEMPTS = 1
    bind_callback(settings, quote)
    told = describe_conversation()["conversation.ended"]
    with no_broker():
        process_all([EventFactory.create(conversation_uuid=CONVERSATION, data=told)])
        monkeypatch.setattr(drafting, "read_facts", stumble)
        event: Event = EventFactory.create(conversation_uuid=CONVERSATION, data=told)
        process_all([event])
        event.refresh_from_db()
        yield event


def assert_private(text: str) -> None:
    """Assert that nothing that was said is in the text."""
    for canary in (TRANSCRIPT, NUMBER, NUMBER.removeprefix("+")):
        assert canary not in text


def test_admin_shows_the_class_alone(event: Event, viewer: Client) -> None:
    """On the lists and the pages, and where somebody is asked whether to retry or close them."""
    effect = Effect.objects.filter(state="dead")[0]
    assert (event.status, effect.attempts.get().error_class) == ("dead", "LookupError")
    shown = [
        viewer.get(page).text
        for page in (list_of(Event), page_of(event), list_of(Effect), page_of(effect))
    ]
    assert "KeyError" in shown[1]
    assert "LookupError, which the integration does not declare" in shown[3]
    assert_private("".join(shown))


def test_question_before_a_retry_shows_nothing_that_was_said(event: Event, staff: Client) -> None:
    """Not even to somebody who may see payload: it has no place there."""
    sent = {"action": "retry_chosen", "_selected_action": [event.pk]}
    assert_private(staff.post(list_of(Event), sent).text)
    sent |= {"_selected_action": list(Effect.objects.values_list("pk", flat=True))}
    assert_private(staff.post(list_of(Effect), sent).text)


def test_api_shows_the_class_alone(event: Event, viewer: Client) -> None:
    """In lists and single rows, with every attempt."""
    effect = Effect.objects.filter(state="dead")[0]
    answers = [
        viewer.get(f"/api/v1/{path}/").text
        for path in ("events", f"events/{event.event_id}", "effects", f"effects/{effect.pk}")
    ]
    assert '"error":"KeyError"' in answers[1]
    assert '"error_class":"LookupError"' in answers[3]
    assert_private("".join(answers))


def test_commands_show_nothing_that_was_said(
    event: Event, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what they print, nor what they log meanwhile."""
    assert event.status == "dead"
    for words in (
        ("retry_effects", "--all"),
        ("replay_events", "--failed"),
    ):
        for ending in (("--dry-run",), ("--reason", "a test", "--yes")):
            typed = type_command(*words, *ending)
            assert typed.status == 0
            assert_private(typed.out + typed.error)
    written = capsys.readouterr()
    assert_private(written.out + written.err)
