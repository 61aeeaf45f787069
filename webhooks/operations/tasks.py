"""The Celery task for what people have asked for: a door to the function that does the work."""

from celery import shared_task

from webhooks.operations.running import work_off_runs


@shared_task
def carry_out_runs() -> None:
    """Go on with the runs that people have asked for."""
    work_off_runs()
