"""Let an integration go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.budget import NOTHING_TO_LIFT
from integrations.management.aliases import read_alias
from webhooks.audit import actor_of_command
from webhooks.operations.pausing import resume_integration


class Command(BaseCommand):
    help = (
        "Lets an integration go on at once, whatever keeps it back: a pause, a vendor's wish to be"
        " left alone (also one that is another vendor's: type this after switching backends or"
        " accounts), or an open circuit, which its next effect then tries."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", help="crm, tickets, usage or tasks")
        parser.add_argument("--reason", default="", help="why, for whoever wonders later")

    def handle(self, *_: Any, **options: Any) -> None:
        alias = read_alias(options["integration"])
        lifted = resume_integration(alias, actor_of_command(), options["reason"].strip())
        self.stdout.write(f"{alias}: {lifted or NOTHING_TO_LIFT}")
