"""Let an integration go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.budget import resume
from integrations.management.aliases import read_alias
from integrations.management.operator import name_operator


class Command(BaseCommand):
    help = (
        "Lets an integration go on that was paused. Where its circuit is open, its next effect"
        " tries the vendor at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", help="crm, tickets, usage or tasks")

    def handle(self, *_: Any, **options: Any) -> None:
        alias = read_alias(options["integration"])
        if resume(alias, name_operator()):
            self.stdout.write(f"Resumed {alias}.")
        else:
            self.stdout.write(f"{alias} is neither paused nor is its circuit open.")
