"""Have effects that failed or are dead tried again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.operator import name_operator
from webhooks.management.options import INTERRUPTED, WRONG_USAGE, read_moment, read_reason
from webhooks.management.terminal import (
    build_progress,
    confirm,
    print_table,
    without_log_lines,
)
from webhooks.models import Effect
from webhooks.operations.retry import LEFT_ALONE, Asked, RetryPreview, preview_retry, retry
from webhooks.operations.selection import EffectSelection, select_effects


class Command(BaseCommand):
    help = (
        "Has effects that failed or are dead tried again, with the same keys: what the vendor did"
        " already is not done twice. Ends with 0 when all of it was set going, 1 when nothing"
        " matched or was to be tried again, or some were not among it, 2 when it was used wrongly."
    )

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
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and do nothing"
        )
        parser.add_argument("--reason", default="", help="why; kept with the record of the retry")
        parser.add_argument("--yes", action="store_true", help="do not ask before it begins")

    def handle(self, *_: Any, **options: Any) -> None:
        selection = self.read_selection(options)
        reason = read_reason(options)
        missing = self.find_missing(selection)
        try:
            seen = self.show_preview(selection)
            if options["dry_run"]:
                pass
            elif options["yes"] or confirm(f"Effects to try again: {seen.rows}. Go on?"):
                self.run_retry(selection, reason, seen)
            else:
                raise CommandError("Nothing was tried again.")
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. What was set going goes on; the same command takes up the rest.",
                returncode=INTERRUPTED,
            ) from None
        if missing:
            raise CommandError(f"Not among the effects that match: {', '.join(missing)}.")

    def read_selection(self, options: dict[str, Any]) -> EffectSelection:
        """Return the effects that the options mean, or refuse to take silence for all of them."""
        selection = EffectSelection(
            keys=tuple(options["keys"]),
            integration=options["integration"],
            state=options["state"],
            ended_from=options["from"],
            ended_to=options["to"],
        )
        if not selection.describe() and not options["all"]:
            raise CommandError(
                "Say which effects are meant, or --all for every one that waits for people.",
                returncode=WRONG_USAGE,
            )
        return selection

    def show_preview(self, selection: EffectSelection) -> RetryPreview:
        """Print what the retry would do."""
        seen = preview_retry(select_effects(selection))
        if not seen.total:
            raise CommandError("No effect matches.")
        rows = [("effects that match", seen.total)]
        rows += [
            (f"tried again: {Effect.Integration(alias).label}", number)
            for alias, number in sorted(seen.to_run.items())
        ]
        rows += [
            (f"left alone: {LEFT_ALONE[Effect.State(state)]}", number)
            for state, number in sorted(seen.left_alone.items())
        ]
        print_table(self.stdout, "What a retry would do", ("What", "How many"), rows)
        for alias in seen.waiting:
            self.stdout.write(
                f"{Effect.Integration(alias).label} takes nothing for now (it is paused, or its"
                " vendor is out of order): its effects wait until that is over."
            )
        if not seen.rows:
            raise CommandError("None of them failed or is dead.")
        return seen

    def run_retry(self, selection: EffectSelection, reason: str, seen: RetryPreview) -> None:
        """Have the effects tried again, and print what was set going."""
        with without_log_lines(), build_progress() as progress:
            task = progress.add_task("Retrying", total=seen.total)
            handled = retry(
                selection,
                Asked(
                    reason=reason,
                    requested_by=None,
                    requested_from=f"command, {name_operator()}"[:100],
                ),
                lambda number: progress.advance(task, number),
            )
        self.stdout.write(f"Retry {handled.replay.pk}. Effects tried again: {handled.rows}.")

    def find_missing(self, selection: EffectSelection) -> list[str]:
        """Return the keys that were asked for and match no effect."""
        if not selection.keys:
            return []
        known = set(select_effects(selection).values_list("idempotency_key", flat=True))
        return [key for key in selection.keys if key not in known]
