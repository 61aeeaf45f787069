"""Hand over what is due now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webhooks.management.terminal import build_progress
from webhooks.operations.broker import find_broker_errors
from webhooks.processing.sweep import sweep


class Command(BaseCommand):
    help = (
        "Hands every event and effect that is due to the workers now; beat does so every few"
        " seconds anyway."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        with build_progress() as progress:
            task = progress.add_task("Handing over", total=None)
            try:
                swept = sweep(lambda rows: progress.advance(task, rows))
            except find_broker_errors() as error:
                raise CommandError(
                    "The broker does not answer, so nothing more could be handed over; what is due"
                    " stays due."
                ) from error
        self.stdout.write(f"Handed over. Events: {swept.events}, hints at effects: {swept.hints}.")
