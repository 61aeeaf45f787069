"""Ask every vendor whether it would work."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.base import Alias
from integrations.diagnosis import diagnose
from integrations.kinds import REQUESTS
from integrations.management.aliases import read_alias

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Calls the vendor of each integration without changing anything there, and says what is"
        " wrong and what to do about it. Ends with status 1 where something is. An integration"
        " that is paused or whose circuit is open is checked all the same; under a hold its vendor"
        " is not called, and the status is 1."
    )
    # One integration's mistake in the settings must not keep the others from being looked at.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "integrations", nargs="*", metavar="integration", help="those to check, otherwise all"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            aliases = [read_alias(typed) for typed in options["integrations"]] or list(REQUESTS)
        except CommandError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from None
        failing = [
            alias
            for alias in dict.fromkeys(aliases)
            if not self.check_one(alias, reveal=options["traceback"])
        ]
        if failing:
            raise CommandError(f"Not every integration works: see to {', '.join(failing)}.")

    def check_one(self, alias: Alias, *, reveal: bool) -> bool:
        """Print what is found, and return whether effects can be applied.

        With `reveal` an error that nobody expected is raised, for its traceback.
        """
        try:
            diagnosis = diagnose(alias)
        except Exception as error:
            if reveal:
                raise
            self.tell(
                alias,
                f"an unexpected {type(error).__name__}, which is a fault of Switchboard's; run"
                " this with --traceback to report it.",
            )
            return False
        for words in diagnosis.remarks + diagnosis.obstacles:
            self.tell(alias, words)
        if not diagnosis.obstacles:
            self.tell(alias, "ok, but a dry run: nothing is sent" if diagnosis.is_dry_run else "ok")
        return not diagnosis.obstacles

    def tell(self, alias: Alias, words: str) -> None:
        """Print a line at once: the next vendor may take its time."""
        self.stdout.write(f"{alias + ':':9}{words}")
        self.stdout.flush()
