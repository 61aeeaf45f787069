"""The Celery tasks: doors to the functions that do the work."""

from celery import shared_task

from webhooks.processing import sweep as sweeping
from webhooks.processing.events import process_event
from webhooks.processing.hints import Gathered
from webhooks.processing.work import work_off


@shared_task
def process_events(event_pks: list[int]) -> None:
    """Project events, given by their keys, onto their conversations; have their effects run."""
    planned = Gathered()
    for event_pk in event_pks:
        planned.add(process_event(event_pk))
    planned.hand_on()


@shared_task
def update_crm() -> None:
    """Work for the CRM."""
    work_off("crm")


@shared_task
def create_ticket() -> None:
    """Work for the help desk."""
    work_off("tickets")


@shared_task
def record_usage() -> None:
    """Work for the billing system."""
    work_off("usage")


@shared_task
def create_follow_up() -> None:
    """Work for the task list."""
    work_off("tasks")


@shared_task
def sweep() -> None:
    """Hand everything that is due and was dropped to Celery again; beat's only errand."""
    sweeping.sweep()
