"""Nothing that was said, and no number that said it, reaches a log line of this process."""

import pytest
from pytest_django import Settings

from integrations.base import Request
from integrations.exceptions import PermanentFailure, TemporaryFailure
from tests.factories import SourceFactory
from tests.processing.integration import bind_callback
from tests.processing.logs import read_log
from tests.processing.stories import process, read_effects, run_all, store, tell_whole
from webhooks.models import Attempt, Effect, Event
from webhooks.processing import tasks
from webhooks.processing.effects import retry_effects

pytestmark = pytest.mark.django_db

NUMBER = "+12025550199"
SAID = "my mother's maiden name is Quetzalcoatl"
CANARIES = ("12025550199", "Quetzalcoatl", "Ava Canary")


def tell_canaries(source_name: str) -> list[Event]:
    """Store a conversation in which everything that is personal is recognisable."""
    tellings = tell_whole(
        from_number=NUMBER,
        agent_name="Ava Canary",
        messages=[{"role": "user", "message": SAID}],
        metadata={"note": SAID},
    )
    for telling in tellings[2:]:
        telling.data.update(
            summary=SAID,
            goals=[{"name": SAID, "achieved": False, "reason": SAID}],
            follow_ups=[{"title": SAID, "description": SAID, "assignee": NUMBER}],
        )
    return store(tellings, SourceFactory.create(), source_name)


def assert_private(text: str) -> None:
    """Assert that no canary is in the text."""
    for canary in CANARIES:
        assert canary not in text


def test_whole_conversation_leaves_no_trace_of_what_was_said() -> None:
    """Lines name ids, types and outcomes, and nothing from the body."""
    with read_log() as log:
        for event in tell_canaries("conversation-1"):
            process(event)
        run_all("conversation-1")
    assert set(read_effects("conversation-1").values()) == {"succeeded"}
    assert "conversation-1" in log.getvalue()
    assert_private(log.getvalue())


def fail_with_payload(request: Request) -> None:
    """Fail as code does that quotes what it stumbled over."""
    match request.idempotency_key.split(":")[0]:
        case "crm":
            raise KeyError(repr(request))
        case "usage":
            raise ValueError(repr(request)) from TypeError(SAID)
        case "tickets":
            raise ExceptionGroup(SAID, [ValueError(NUMBER)])
        case _:
            raise UnicodeDecodeError("utf-8", SAID.encode(), 0, 1, NUMBER)


def test_fault_that_quotes_the_payload_leaves_no_trace(settings: Settings) -> None:
    """Neither a log line, nor an attempt, nor an effect's reason has it."""
    bind_callback(settings, fail_with_payload)
    with read_log() as log:
        for event in tell_canaries("conversation-1"):
            process(event)
        run_all("conversation-1")
    failed = Attempt.objects.filter(outcome="temporary").values("effect")
    assert failed.distinct().count() == 7
    assert log.getvalue().count("unexpected_error") >= 7
    assert_private(log.getvalue())
    for row in [*Attempt.objects.values(), *Effect.objects.values("reason", "external_id")]:
        assert_private(repr(row))


def test_faulty_event_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in projection or routing is told by its class."""

    def fail(*_: object) -> None:
        raise KeyError(SAID) from ValueError(NUMBER)

    monkeypatch.setattr("webhooks.processing.drafting.find_owed", fail)
    with read_log() as log:
        for event in tell_canaries("conversation-1"):
            process(event)
    assert log.getvalue().count("event_not_processed") == 3
    assert_private(log.getvalue())
    assert set(Event.objects.values_list("error", flat=True)) == {"KeyError"}


@pytest.mark.parametrize(
    "name", ["update_crm", "create_ticket", "record_usage", "create_follow_up"]
)
def test_task_that_fails_leaves_no_trace(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Celery's own line about a failed task does not quote the exception."""

    def fail(_: str) -> None:
        raise KeyError(SAID) from ValueError(NUMBER)

    monkeypatch.setattr(tasks, "work_off", fail)
    with read_log() as log:
        getattr(tasks, name).apply()
    assert name in log.getvalue()
    assert "KeyError" in log.getvalue()
    assert_private(log.getvalue())


@pytest.mark.parametrize("error", [TemporaryFailure("Busy."), PermanentFailure("No.")])
def test_declared_failure_is_told_in_its_own_words(settings: Settings, error: Exception) -> None:
    """What an integration says for people to read is kept, and nothing of the request."""

    def fail(_: Request) -> None:
        raise error

    bind_callback(settings, fail)
    with read_log() as log:
        for event in tell_canaries("conversation-1"):
            process(event)
        run_all("conversation-1")
        retry_effects(list(Effect.objects.values_list("pk", flat=True)))
    assert str(error) in set(Attempt.objects.values_list("error", flat=True))
    assert_private(log.getvalue())
