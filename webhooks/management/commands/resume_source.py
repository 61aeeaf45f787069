"""Let a source's events be processed again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webhooks.audit import actor_of_command
from webhooks.management.sources import find_source
from webhooks.operations.sources import resume_source


class Command(BaseCommand):
    help = "Has a source's events processed again, those first that were held while it was paused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the source's, the last part of its address")

    def handle(self, *_: Any, **options: Any) -> None:
        source = find_source(options["slug"])
        if resume_source(source, actor_of_command()):
            self.stdout.write(f"Resumed {source}: the events that were held are processed.")
        else:
            self.stdout.write(f"{source} was not paused.")
