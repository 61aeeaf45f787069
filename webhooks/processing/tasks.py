"""The Celery tasks: doors to the functions that do the work. Their arguments are rows' keys."""

from celery import shared_task

from webhooks.models import Effect
from webhooks.processing import sweep as sweeping
from webhooks.processing.dispatch import hand_on
from webhooks.processing.effects import run_effect
from webhooks.processing.events import process_event


@shared_task
def process_events(event_pks: list[int]) -> None:
    """Project events onto their conversations and have their effects run."""
    for event_pk in event_pks:
        hand_on(process_event(event_pk))


@shared_task
def update_crm(effect_pk: int) -> None:
    """Run one effect of the CRM, then those that waited their turn behind it."""
    waiting = run_effect(effect_pk)
    hand_on([(Effect.Integration.CRM.value, pk) for pk in waiting])


@shared_task
def create_ticket(effect_pk: int) -> None:
    """Run one effect of the help desk."""
    run_effect(effect_pk)


@shared_task
def record_usage(effect_pk: int) -> None:
    """Run one effect of the billing system."""
    run_effect(effect_pk)


@shared_task
def create_follow_up(effect_pk: int) -> None:
    """Run one effect of the task list."""
    run_effect(effect_pk)


@shared_task
def sweep() -> None:
    """Hand everything that is due and was dropped to Celery again; beat's only errand."""
    sweeping.sweep()
