"""Have effects done again although they succeeded."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from webhooks.management.options import WRONG_USAGE
from webhooks.management.run_commands import RunCommand
from webhooks.models import Replay
from webhooks.operations.selection import EffectSelection


class Command(RunCommand):
    help = (
        "Has effects done a second time although they succeeded: a second ticket is opened, seconds"
        " are billed again. What failed is retried instead, by retry_effects. Ends with 0 when all"
        " of it was set going, 1 when there was nothing to do, or some were not among what matched,"
        " 2 when it was used wrongly."
    )
    action = Replay.Action.REDO
    heading = "What would be done a second time"
    question = "Effects to do a second time"
    rest = "What was set going goes on. Asked for again, it would be done a third time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keys", nargs="+", required=True, metavar="KEY", help="idempotency keys of effects"
        )
        parser.add_argument(
            "--again", action="store_true", help="say that a second time is what is meant"
        )
        self.add_run_arguments(parser)

    def read_selection(self, options: dict[str, Any]) -> EffectSelection:
        if not options["again"] and not options["dry_run"]:
            raise CommandError(
                "What is done once already would be done a second time: say --again if that is"
                " meant, or look first with --dry-run.",
                returncode=WRONG_USAGE,
            )
        return EffectSelection(keys=tuple(options["keys"]))

    def tell(self, run: Replay) -> str:
        return f"Effects done again: {run.effects_to_run}."
