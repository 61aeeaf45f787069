"""`sweep`."""

from django.db.models.functions import Now

from tests.commands.typed import type_command
from tests.factories import EffectFactory, EventFactory
from tests.operations.brokers import broker_in, no_broker
from tests.workers import run_one
from webhooks.models import Event
from webhooks.processing.sweep import EFFECT_GRACE


def test_what_is_due_is_handed_over_and_counted(own_database: str) -> None:
    """Once: a moment later nothing is due."""
    EventFactory.create_batch(3)
    overdue = EffectFactory.create(event__status="processed", due_at=Now() - EFFECT_GRACE)
    with broker_in(own_database):
        first = type_command("sweep")
        run_one(overdue)
        again = type_command("sweep")
    assert (first.status, first.out) == (0, "Handed over. Events: 3, hints at effects: 1.\n")
    assert again.out == "Handed over. Events: 0, hints at effects: 0.\n"


def test_without_a_broker_it_fails_with_a_sentence_and_loses_nothing(
    own_database: str,  # noqa: ARG001
) -> None:
    """The events stay pending."""
    EventFactory.create_batch(3)
    with no_broker():
        typed = type_command("sweep")
    assert typed.status == 1
    assert typed.error.startswith("The broker does not answer")
    assert Event.objects.filter(status="pending").count() == 3


def test_effects_that_could_not_be_handed_over_are_not_counted(
    own_database: str,  # noqa: ARG001
) -> None:
    """A broker that is away fails the command for effects as it does for events."""
    EffectFactory.create(event__status="processed", due_at=Now() - EFFECT_GRACE)
    with no_broker():
        typed = type_command("sweep")
    assert typed.status == 1
