"""`retry_effects`."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from integrations.budget import pause
from tests.commands.typed import Typed, give_input, run_command, type_command
from tests.operations.brokers import broker_in, no_broker
from tests.operations.stored import make_stopped, run_all, store_conversation
from tests.processes import BASE_DIR, build_environment, start_worker
from webhooks.models import AuditEntry, Effect, Replay

NOW_TO_RUN = ("--reason", "a test", "--yes")


@pytest.fixture
def stopped(own_database: str) -> Iterator[list[Effect]]:
    """Return a refused usage record and a dead ticket, beside four effects that are done."""
    run_all(store_conversation())
    with broker_in(own_database):
        yield [make_stopped("usage", "failed"), make_stopped("tickets", "dead")]


def read_count(typed: Typed, what: str) -> int:
    """Return the number that the table has for `what`."""
    found = re.search(rf"{re.escape(what)}\s+(\d+)", typed.out)
    assert found, typed.out
    return int(found.group(1))


def read_states() -> dict[str, str]:
    """Return the states of the effects of which the integration has one."""
    effects = Effect.objects.filter(integration__in=["usage", "tickets"])
    return dict(effects.values_list("integration", "state"))


def test_a_dry_run_says_what_would_happen_and_does_nothing(stopped: list[Effect]) -> None:
    """No reason is asked for, and no row is changed or written."""
    typed = type_command("retry_effects", "--all", "--dry-run")
    assert typed.status == 0
    assert read_count(typed, "effects that match") == len(stopped)
    assert read_count(typed, "Usage: tried again") == 1
    assert read_count(typed, "Tickets: tried again") == 1
    assert not Replay.objects.exists()
    assert read_states() == {"usage": "failed", "tickets": "dead"}


def test_what_stopped_is_tried_again_under_its_key_and_recorded(stopped: list[Effect]) -> None:
    """With a full number of attempts before it, the reason, and who typed it."""
    typed = type_command("retry_effects", "--all", *NOW_TO_RUN)
    row = Replay.objects.get()
    assert (typed.status, typed.error) == (0, "")
    assert f"Retry {row.pk}. Effects tried again: 2." in typed.out
    assert (row.action, row.effects_to_run, row.reason) == ("retry", 2, "a test")
    assert row.requested_from.startswith("command, ")
    for effect in stopped:
        before = effect.idempotency_key
        effect.refresh_from_db()
        assert (effect.state, effect.idempotency_key, effect.replay) == ("pending", before, row)
        assert effect.attempts_limit > effect.attempts_made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--integration=tickets",), {"tickets"}),
        (("--state=failed",), {"usage"}),
        (("--from=2000-01-01", "--to=2100-01-01T00:00+02:00"), {"usage", "tickets"}),
        (("--to=2000-01-01",), None),
        (("--integration=crm",), None),
        (("--state=closed",), None),
    ],
)
@pytest.mark.usefixtures("stopped")
def test_options_choose_the_effects(words: tuple[str, ...], expected: set[str] | None) -> None:
    """Nothing that matches is a status of 1 and a sentence."""
    Effect.objects.filter(state__in=Effect.STOPPED).update(finished_at=Now())
    typed = type_command("retry_effects", *words, *NOW_TO_RUN)
    if expected is None:
        assert (typed.status, typed.error) == (1, "No effect matches.")
    else:
        retried = Effect.objects.filter(state="pending")
        assert (typed.status, set(retried.values_list("integration", flat=True))) == (0, expected)


def test_keys_choose_effects_whatever_became_of_them(stopped: list[Effect]) -> None:
    """What is done is left alone and said to be; a key that nobody has is named, with status 1."""
    done = Effect.objects.filter(state="succeeded")[0]
    keys = (stopped[0].idempotency_key, done.idempotency_key, "nobody's")
    typed = type_command("retry_effects", *NOW_TO_RUN, "--keys", *keys)
    assert (typed.status, typed.error) == (1, "Not among the effects that match: nobody's.")
    assert read_count(typed, "Left alone: done") == 1
    row = Replay.objects.get()
    assert (row.effects_to_run, row.effects_kept) == (1, 1)
    assert read_states() == {"usage": "pending", "tickets": "dead"}


def test_nothing_to_try_again_is_status_1(stopped: list[Effect]) -> None:
    """No record is written of a retry that would do nothing."""
    assert stopped
    done = Effect.objects.filter(state="succeeded")[0]
    typed = type_command("retry_effects", *NOW_TO_RUN, "--keys", done.idempotency_key)
    assert (typed.status, typed.error) == (1, "Nothing to do: none of them failed or is dead.")
    assert not Replay.objects.exists()


@pytest.mark.usefixtures("stopped")
def test_a_closed_effect_is_retried_only_where_it_is_asked_for() -> None:
    """Somebody has decided against it, and somebody may decide otherwise."""
    Effect.objects.filter(state="dead").update(state="closed")
    type_command("retry_effects", "--all", *NOW_TO_RUN)
    assert read_states() == {"usage": "pending", "tickets": "closed"}
    type_command("retry_effects", "--state=closed", *NOW_TO_RUN)
    assert read_states() == {"usage": "pending", "tickets": "pending"}


@pytest.mark.usefixtures("stopped")
def test_it_says_of_which_integrations_the_effects_will_have_to_wait() -> None:
    """Whoever retries before the pause is over is not left wondering."""
    pause("tickets", "ada", "The vendor moves.")
    typed = type_command("retry_effects", "--all", "--dry-run")
    assert "Tickets takes nothing for now" in typed.out
    assert "Usage takes nothing" not in typed.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--all"),
        (("--all",), "--reason"),
        (("--all", "--reason", "x" * 501), "500"),
        (("--all", "--reason=why"), "--yes"),
    ],
)
@pytest.mark.usefixtures("own_database")
def test_wrong_usage_is_refused_with_status_2(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    """Silence is not taken for everything, nor for a reason or consent."""
    give_input(monkeypatch, "")
    typed = type_command("retry_effects", *words)
    assert (typed.status, said in typed.error) == (2, True)


@pytest.mark.parametrize(("said", "status", "records"), [("y", 0, 1), ("", 1, 0), ("no", 1, 0)])
@pytest.mark.usefixtures("stopped")
def test_a_person_at_a_terminal_is_asked(
    monkeypatch: pytest.MonkeyPatch, said: str, status: int, records: int
) -> None:
    """Anything but yes means that nothing is done."""
    give_input(monkeypatch, f"{said}\n", is_terminal=True)
    typed = type_command("retry_effects", "--all", "--reason=why")
    assert (typed.status, Replay.objects.count()) == (status, records)


@pytest.mark.usefixtures("stopped")
def test_without_a_broker_it_is_done_all_the_same() -> None:
    """The sweep finds the effects, so the status is 0."""
    with no_broker():
        typed = type_command("retry_effects", "--all", *NOW_TO_RUN)
    assert typed.status == 0
    assert read_states() == {"usage": "pending", "tickets": "pending"}


@pytest.mark.usefixtures("stopped")
def test_it_prints_nothing_that_was_asked_for() -> None:
    """What an effect's request says is no business of a terminal's."""
    canary = "canary of the request"
    Effect.objects.update(request={"summary": canary}, reason="The vendor is away.")
    typed = type_command("retry_effects", "--all", *NOW_TO_RUN)
    assert typed.status == 0
    assert canary not in typed.out + typed.error


def test_a_worker_does_what_was_retried(stopped: list[Effect], own_database: str) -> None:
    """Real processes from end to end: what was dead is done, and nothing twice."""
    with start_worker(own_database):
        done = run_command(own_database, "retry_effects", "--all", *NOW_TO_RUN)
        wrong = run_command(own_database, "retry_effects", "--state=succeeded", *NOW_TO_RUN)
        wait_until_done(stopped)
        nothing = run_command(own_database, "retry_effects", "--all", *NOW_TO_RUN)
    assert (done.status, nothing.status, wrong.status) == (0, 1, 2), done.error
    assert nothing.error == "CommandError: No effect matches.\n"
    assert Effect.objects.count() == 6


def wait_until_done(effects: list[Effect], seconds: float = 40) -> None:
    """Return once all of them have succeeded. Raises AssertionError where they never do."""
    ends_at = time.monotonic() + seconds
    mine = Effect.objects.filter(pk__in=[effect.pk for effect in effects])
    while mine.exclude(state="succeeded").exists():
        assert time.monotonic() < ends_at, list(mine.values("integration", "state", "reason"))
        time.sleep(0.1)


def test_ctrl_c_ends_it_between_two_batches(stopped: list[Effect], own_database: str) -> None:
    """What was set going stays so, the rest is untouched, and the record counts just that."""
    plant_dead(stopped[1], 8000)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "retry_effects", "--all", *NOW_TO_RUN],
        cwd=BASE_DIR,
        env=build_environment(own_database, BASE_DIR / "nowhere"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    dead = Effect.objects.filter(state="dead")
    ends_at = time.monotonic() + 40
    while dead.count() > 7500 and time.monotonic() < ends_at:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    left, run = dead.count(), Replay.objects.get()
    assert error.startswith(f"CommandError: Interrupted. Retry {run.pk} is stopped: ")
    assert 0 < left <= 7500
    assert (run.state, run.looked_at, run.effects_to_run) == ("stopped", 8002 - left, 8002 - left)
    assert AuditEntry.objects.filter(action="stop").count() == 1
    assert type_command("retry_effects", "--all", *NOW_TO_RUN).status == 0
    assert not dead.exists()


def plant_dead(like: Effect, number: int) -> None:
    """Add dead effects of the same event, each with a key of its own."""
    Effect.objects.bulk_create(
        (
            Effect(
                event_id=like.event_id,
                conversation_id=like.conversation_id,
                integration="tickets",
                idempotency_key=f"planted-{place}",
                state="dead",
                finished_at=Now() - timedelta(hours=1),
            )
            for place in range(number)
        ),
        batch_size=2000,
    )
