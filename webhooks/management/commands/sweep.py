"""Send hints at what is due now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webhooks.operations.broker import find_broker_errors
from webhooks.processing.sweep import sweep


class Command(BaseCommand):
    help = (
        "Tells the workers of every event, effect and run that is overdue; beat does so every few"
        " seconds anyway."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            swept = sweep()
        except find_broker_errors() as error:
            raise CommandError(
                "The broker does not answer, so the workers could not be told; what is due stays"
                " due."
            ) from error
        self.stdout.write(
            f"Hints sent at events: {swept.events}, at effects: {swept.effects},"
            f" at runs: {swept.runs}."
        )
