"""Have effects that failed or are dead tried again."""

from typing import Any

from django.core.management.base import CommandParser

from webhooks.management.options import read_moment
from webhooks.management.run_commands import RunCommand, refuse_silence
from webhooks.models import Effect, Replay
from webhooks.operations.selection import EffectSelection


class Command(RunCommand):
    help = (
        "Has effects that failed or are dead tried again, with the same keys: what the vendor did"
        " already is not done twice. Ends with 0 when all of it was set going, 1 when there was"
        " nothing to do, or some were not among what matched, 2 when it was used wrongly."
    )
    action = Replay.Action.RETRY
    heading = "What a retry would do"
    question = "Effects to try again"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--integration", choices=Effect.Integration.values, default="")
        parser.add_argument(
            "--state",
            choices=[state.value for state in Effect.RETRYABLE],
            default="",
            help="default: failed and dead, and not closed",
        )
        parser.add_argument(
            "--from", type=read_moment, metavar="TIME", help="ended then or later (ISO 8601)"
        )
        parser.add_argument(
            "--to", type=read_moment, metavar="TIME", help="ended before that (ISO 8601)"
        )
        parser.add_argument(
            "--keys", nargs="+", default=[], metavar="KEY", help="idempotency keys of effects"
        )
        parser.add_argument("--all", action="store_true", help="every effect that waits for people")
        self.add_run_arguments(parser)

    def read_selection(self, options: dict[str, Any]) -> EffectSelection:
        selection = EffectSelection(
            keys=tuple(options["keys"]),
            integration=options["integration"],
            state=options["state"],
            ended_from=options["from"],
            ended_to=options["to"],
        )
        if selection.is_everything and not options["all"]:
            raise refuse_silence("effects are meant, or --all for every one that waits for people")
        return selection

    def tell(self, run: Replay) -> str:
        return f"Effects tried again: {run.effects_to_run}."
