"""`sweep`."""

from django.db.models.functions import Now

from tests.commands.typed import type_command
from tests.factories import EffectFactory, EventFactory
from tests.operations.brokers import broker_in, no_broker
from tests.workers import process_all, run_one
from webhooks.models import Event
from webhooks.processing.sweep import GRACE


def test_hints_at_what_is_overdue_are_sent_and_counted(own_database: str) -> None:
    """Until it is done: then nothing is overdue."""
    events = EventFactory.create_batch(3, due_at=Now() - GRACE)
    overdue = EffectFactory.create(event__status="processed", due_at=Now() - GRACE)
    with broker_in(own_database):
        first = type_command("sweep")
        run_one(overdue)
        process_all(events)
        again = type_command("sweep")
    assert (first.status, first.out) == (0, "Hints sent at events: 1, at effects: 1, at runs: 0.\n")
    assert again.out == "Hints sent at events: 0, at effects: 0, at runs: 0.\n"


def test_without_a_broker_it_fails_with_a_sentence_and_loses_nothing(
    own_database: str,  # noqa: ARG001
) -> None:
    """The events stay pending."""
    EventFactory.create_batch(3, due_at=Now() - GRACE)
    with no_broker():
        typed = type_command("sweep")
    assert typed.status == 1
    assert typed.error.startswith("The broker does not answer")
    assert Event.objects.filter(status="pending").count() == 3


def test_hints_at_effects_that_could_not_be_sent_are_not_counted(
    own_database: str,  # noqa: ARG001
) -> None:
    """A broker that is away fails the command for effects as it does for events."""
    EffectFactory.create(event__status="processed", due_at=Now() - GRACE)
    with no_broker():
        typed = type_command("sweep")
    assert typed.status == 1
