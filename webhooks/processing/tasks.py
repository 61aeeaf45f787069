"""The Celery tasks: doors to the functions that do the work."""

from celery import shared_task

from webhooks.processing import sweep as sweeping
from webhooks.processing.event_work import work_off_events
from webhooks.processing.work import work_off
from webhooks.statistics.counting import count_what_happened


@shared_task
def process_events() -> None:
    """Project events onto their conversations, and have their effects run."""
    work_off_events()


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
    """Send hints at everything that is due and was dropped, and count; beat's only errand."""
    sweeping.sweep()
    count_what_happened()
