"""`replay_events`."""

import re
import uuid
from collections.abc import Iterator

import pytest
from django.db.models.functions import Now

from tests.commands.typed import Typed, give_input, run_command, type_command
from tests.operations.brokers import broker_in, no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.processes import start_worker
from webhooks.models import Effect, Event, Replay, Source

NOW_TO_RUN = ("--reason", "a test", "--yes")


@pytest.fixture
def events(own_database: str) -> Iterator[list[Event]]:
    """Return a processed conversation's events, with a broker to hand them over to."""
    stored = store_conversation()
    run_all(stored)
    with broker_in(own_database):
        yield stored


def read_count(typed: Typed, what: str) -> int:
    """Return the number that the table has for `what`."""
    found = re.search(rf"{what}\s+(\d+)", typed.out)
    assert found, typed.out
    return int(found.group(1))


def test_a_dry_run_says_what_would_happen_and_does_nothing(events: list[Event]) -> None:
    """No reason is asked for, and no row is changed or written."""
    make_stopped("tickets", "dead")
    typed = type_command("replay_events", "--all", "--dry-run")
    assert typed.status == 0
    assert read_count(typed, "processed again") == len(events)
    assert read_count(typed, "failed or dead before") == 1
    assert read_count(typed, "done, on their way or closed") == 5
    assert not Replay.objects.exists()
    assert not Event.objects.filter(status="pending").exists()
    assert Effect.objects.get(integration="tickets").state == "dead"


def test_closed_events_are_left_alone_and_counted(events: list[Event]) -> None:
    """Unless they are asked for."""
    Event.objects.filter(pk=events[0].pk).update(status="closed")
    everything = type_command("replay_events", "--all", "--dry-run")
    assert read_count(everything, "processed again") == 2
    assert read_count(everything, "closed and not asked for by name") == 1
    named = type_command("replay_events", "--status=closed", "--dry-run")
    assert read_count(named, "processed again") == 1
    assert "not asked for" not in named.out


def test_what_failed_is_replayed_and_recorded(events: list[Event]) -> None:
    """Only the events that --failed means, with the reason and who typed it."""
    make_stopped("tickets", "dead")
    typed = type_command("replay_events", "--failed", *NOW_TO_RUN)
    assert typed.status == 0
    row = Replay.objects.get()
    assert (row.events, row.effects_to_run, row.reason) == (1, 1, "a test")
    assert row.requested_from.startswith("command, ")
    assert Event.objects.filter(status="pending").get() == events[2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--type=conversation.ended",), 1),
        (("--status=processed",), 3),
        (("--source=nobody",), None),
        (("--from=2000-01-01", "--to=2100-01-01T00:00+02:00"), 3),
        (("--to=2000-01-01",), None),
        (("--all",), 3),
    ],
)
def test_options_choose_the_events(
    events: list[Event],  # noqa: ARG001
    words: tuple[str, ...],
    expected: int | None,
) -> None:
    """Nothing that matches is a status of 1 and a sentence."""
    typed = type_command("replay_events", *words, "--dry-run")
    if expected is None:
        assert (typed.status, typed.error) == (1, "No event matches.")
    else:
        assert (typed.status, read_count(typed, "processed again")) == (0, expected)


def test_events_are_chosen_by_their_ids_and_conversation(events: list[Event]) -> None:
    """The option for an id may be repeated."""
    typed = type_command(
        "replay_events",
        *(f"--event-id={event.event_id}" for event in events[:2]),
        f"--conversation={events[0].conversation_uuid}",
        "--dry-run",
    )
    assert read_count(typed, "processed again") == 2


def test_an_unknown_id_is_named_after_the_others_were_replayed(events: list[Event]) -> None:
    """Status 1 tells a script that not all was done."""
    unknown = uuid.uuid4()
    typed = type_command(
        "replay_events",
        f"--event-id={events[0].event_id}",
        f"--event-id={unknown}",
        "--status=processed",
        *NOW_TO_RUN,
    )
    assert typed.status == 1
    assert typed.error == f"Not among the events that match: {unknown}."
    assert Replay.objects.get().events == 1


def test_events_without_a_body_are_said_to_be_beyond_replaying(events: list[Event]) -> None:
    """The others are replayed, and the status is 1."""
    Event.objects.filter(pk=events[0].pk).update(body=None)
    typed = type_command("replay_events", "--all", *NOW_TO_RUN)
    assert (typed.status, Replay.objects.get().events) == (1, 2)
    assert typed.error.endswith("bodies are no longer stored: 1.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--all"),
        (("--all",), "--reason"),
        (("--all", "--reason", "x" * 501), "500"),
        (("--all", "--reason=why"), "--yes"),
    ],
)
def test_wrong_usage_is_refused_with_status_2(
    own_database: str,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    """Silence is not taken for everything, nor for a reason or consent."""
    give_input(monkeypatch, "")
    typed = type_command("replay_events", *words)
    assert (typed.status, said in typed.error) == (2, True)


@pytest.mark.parametrize(("said", "status", "replays"), [("y", 0, 1), ("", 1, 0), ("no", 1, 0)])
def test_a_person_at_a_terminal_is_asked(
    events: list[Event],  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    status: int,
    replays: int,
) -> None:
    """Anything but yes means that nothing is done."""
    give_input(monkeypatch, f"{said}\n", is_terminal=True)
    typed = type_command("replay_events", "--all", "--reason=why")
    assert (typed.status, Replay.objects.count()) == (status, replays)


def test_without_a_broker_it_is_done_all_the_same(events: list[Event]) -> None:
    """The sweep finds the events, so the status is 0."""
    with no_broker():
        typed = type_command("replay_events", "--all", *NOW_TO_RUN)
    assert typed.status == 0
    assert Event.objects.filter(status="pending").count() == len(events)


@pytest.mark.usefixtures("events")
def test_what_is_left_to_the_workers_is_asked_for_and_not_done() -> None:
    """The command says how to follow it, and returns at once."""
    typed = type_command("replay_events", "--all", *NOW_TO_RUN, "--detach")
    run = Replay.objects.get()
    assert (typed.status, run.state, run.looked_at) == (0, "waiting", 0)
    assert f"Replay {run.pk} goes on in the background" in typed.out
    wrong = type_command("replay_events", "--all", *NOW_TO_RUN, "--detach", "--wait=1")
    assert (wrong.status, "--wait" in wrong.error) == (2, True)


def test_a_refusal_says_what_all_means(own_database: str) -> None:  # noqa: ARG001
    """Closed events are not among it."""
    typed = type_command("replay_events")
    assert typed.error.endswith("--all for all but those that were closed.")


@pytest.mark.usefixtures("events")
def test_nothing_to_do_is_status_1_and_no_record() -> None:
    """The table says why."""
    Event.objects.update(status="held")
    typed = type_command("replay_events", "--all", *NOW_TO_RUN)
    assert (typed.status, typed.error.startswith("Nothing to do:")) == (1, True)
    assert read_count(typed, "held until their source is resumed") == 3
    assert not Replay.objects.exists()


def test_waiting_in_vain_is_status_1(events: list[Event]) -> None:
    """No worker runs here."""
    typed = type_command("replay_events", "--all", *NOW_TO_RUN, "--wait=0.2")
    assert typed.status == 1
    assert typed.error.startswith(f"Events not finished after 0.2 s: {len(events)}")


def test_events_that_are_held_are_not_called_done(events: list[Event], own_database: str) -> None:
    """Whoever waits is told at once what they wait for: nothing comes of it until then."""
    Source.objects.update(paused_at=Now())
    with start_worker(own_database):
        typed = run_command(own_database, "replay_events", "--all", *NOW_TO_RUN, "--wait=40")
    assert typed.status == 1, typed.error
    assert f"Events done: 0, failed: 0, held: {len(events)}, under way: 0." in typed.out
    assert f"Events held: their source is paused: {len(events)}" in typed.error


def test_a_worker_finishes_a_replay_that_is_waited_for(
    events: list[Event], own_database: str
) -> None:
    """Real processes from end to end: what was dead is done, and nothing twice."""
    make_stopped("tickets", "dead")
    with start_worker(own_database):
        done = run_command(own_database, "replay_events", "--failed", *NOW_TO_RUN, "--wait=40")
        nothing = run_command(own_database, "replay_events", "--failed", *NOW_TO_RUN)
        wrong = run_command(own_database, "replay_events", "--event-id=not-an-id", *NOW_TO_RUN)
    assert (done.status, nothing.status, wrong.status) == (0, 1, 2), done.error
    assert "Events done: 1, failed: 0, held: 0, under way: 0." in done.out
    assert done.error == ""
    assert nothing.error == "CommandError: No event matches.\n"
    assert set(Effect.objects.values_list("state", flat=True)) == {"succeeded"}
    assert Effect.objects.count() == 6
    assert len(events) == 3
