"""Hold a source's events."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webhooks.audit import actor_of_command
from webhooks.management.sources import find_source
from webhooks.operations.sources import pause_source


class Command(BaseCommand):
    help = (
        "Holds a source's events: they are taken and acknowledged as ever, and not processed until"
        " resume_source. What is under way comes to its end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the source's, the last part of its address")
        parser.add_argument("--reason", required=True, help="why, for whoever wonders later")

    def handle(self, *_: Any, **options: Any) -> None:
        source = find_source(options["slug"])
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("The reason is empty.")
        if pause_source(source, actor_of_command(), reason):
            self.stdout.write(f"Paused {source}.")
        else:
            self.stdout.write(f"{source} is paused already, by {source.paused_by}.")
