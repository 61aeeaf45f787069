"""Stop an integration."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.aliases import read_alias
from integrations.models import Budget
from webhooks.audit import actor_of_command
from webhooks.operations.pausing import pause_integration


class Command(BaseCommand):
    help = (
        "Stops an integration: none of its effects begins until resume_integration. What is under"
        " way comes to its end; whatever is owed meanwhile waits and is not lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", help="crm, tickets, usage or tasks")
        parser.add_argument("--reason", required=True, help="why, for whoever wonders later")

    def handle(self, *_: Any, **options: Any) -> None:
        alias = read_alias(options["integration"])
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("The reason is empty.")
        if pause_integration(alias, actor_of_command(), reason):
            self.stdout.write(f"Paused {alias}.")
        else:
            by = Budget.objects.get(pk=alias).paused_by
            self.stdout.write(f"{alias} is paused already, by {by}.")
