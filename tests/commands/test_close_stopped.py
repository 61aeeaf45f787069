"""`close_stopped`."""

from collections.abc import Iterator

import pytest

from tests.commands.typed import type_command
from tests.factories import EffectFactory, EventFactory
from tests.operations.brokers import no_broker
from webhooks.models import AuditEntry, Effect, Event, Replay

pytestmark = pytest.mark.django_db

NOW_TO_RUN = ("--reason", "a test", "--yes")


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    EffectFactory.create(integration="tickets", state="dead", event__status="processed")
    EffectFactory.create(integration="usage", state="failed", event__status="processed")
    EventFactory.create(event_type="conversation.started", status="dead")
    with no_broker():
        yield


def test_events_are_closed_with_a_reason_and_effects_are_not() -> None:
    """Each in its own right."""
    typed = type_command("close_stopped", "--events", "--all", *NOW_TO_RUN)
    run = Replay.objects.get()
    assert (typed.status, f"Closing {run.pk}. Closed: 1." in typed.out) == (0, True)
    assert (run.action, run.events, run.reason) == ("closing", 1, "a test")
    assert Event.objects.filter(status="closed").count() == 1
    assert not Effect.objects.filter(state="closed").exists()
    assert AuditEntry.objects.get().action == "closing"


def test_effects_are_closed_as_the_options_choose() -> None:
    """Those that they mean, and no others."""
    typed = type_command("close_stopped", "--effects", "--integration=tickets", *NOW_TO_RUN)
    assert typed.status == 0
    assert Effect.objects.get(state="closed").integration == "tickets"
    assert Event.objects.filter(status="dead").count() == 1


def test_a_dry_run_closes_nothing() -> None:
    """It says how many it would be."""
    typed = type_command("close_stopped", "--effects", "--all", "--dry-run")
    assert (typed.status, "Effects: closed" in typed.out) == (0, True)
    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--events",), "--all"),
        (("--effects", "--type=x"), "--type is not for effects"),
        (("--events", "--integration=usage"), "--integration is not for events"),
        (("--events", "--all"), "--reason"),
    ],
)
def test_wrong_usage_is_refused_with_status_2(words: tuple[str, ...], said: str) -> None:
    """Silence is not taken for everything, nor for a reason."""
    typed = type_command("close_stopped", *words)
    assert (typed.status, said in typed.error) == (2, True)


def test_nothing_to_close_is_status_1() -> None:
    """And leaves no record."""
    typed = type_command("close_stopped", "--events", "--type=nothing", *NOW_TO_RUN)
    assert (typed.status, typed.error) == (1, "No event matches.")
    assert not Replay.objects.exists()
