"""Have stored events processed again."""

import uuid
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
from webhooks.models import Event
from webhooks.operations.follow import follow_events
from webhooks.operations.forecast import Preview, preview
from webhooks.operations.replay import Replayed, replay
from webhooks.operations.selection import Selection, select_events


class Command(BaseCommand):
    help = (
        "Has stored events processed again, with the same keys: what was done is not done twice,"
        " what failed is tried again, what today's routes owe beyond that is added. Ends with 0"
        " when all of it was set going (with --wait: was done), 1 when nothing matched, some could"
        " not be replayed or (with --wait) failed or took longer, 2 when it was used wrongly."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--event-id",
            dest="event_ids",
            type=uuid.UUID,
            action="append",
            default=[],
            metavar="UUID",
            help="the sender's id of an event; repeatable",
        )
        parser.add_argument("--type", default="", help="such as conversation.ended")
        parser.add_argument(
            "--from", type=read_moment, metavar="TIME", help="received then or later (ISO 8601)"
        )
        parser.add_argument(
            "--to", type=read_moment, metavar="TIME", help="received before that (ISO 8601)"
        )
        parser.add_argument("--status", choices=Event.Status.values, default="")
        parser.add_argument("--conversation", default="", metavar="UUID")
        parser.add_argument("--source", default="", metavar="SLUG")
        parser.add_argument(
            "--failed",
            action="store_true",
            help="events that failed or are dead, or have an effect that is",
        )
        parser.add_argument(
            "--all", action="store_true", help="every event there is, but for closed ones"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and do nothing"
        )
        parser.add_argument("--reason", default="", help="why; kept with the record of the replay")
        parser.add_argument("--yes", action="store_true", help="do not ask before it begins")
        parser.add_argument(
            "--wait",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="stay until all that is owed is done, at most that long (default: do not wait)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        selection = self.read_selection(options)
        reason = read_reason(options)
        missing = self.find_missing(selection)
        try:
            seen = self.show_preview(selection)
            if options["dry_run"]:
                problems = []
            elif options["yes"] or confirm(
                f"Events to process again: {seen.forecast.events}. Go on?"
            ):
                problems = self.run_replay(selection, reason, options["wait"], seen.found)
            else:
                raise CommandError("Nothing was replayed.")
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. What was set going goes on; the same command takes up the rest.",
                returncode=INTERRUPTED,
            ) from None
        if missing:
            problems.append(f"Not among the events that match: {', '.join(missing)}.")
        if seen.forecast.gone:
            problems.append(
                "Events that cannot be replayed, since their bodies are no longer stored:"
                f" {seen.forecast.gone}."
            )
        if problems:
            raise CommandError(" ".join(problems))

    def read_selection(self, options: dict[str, Any]) -> Selection:
        """Return the events that the options mean, or refuse to take silence for all of them."""
        selection = Selection(
            event_ids=tuple(options["event_ids"]),
            event_type=options["type"],
            received_from=options["from"],
            received_to=options["to"],
            status=options["status"],
            conversation=options["conversation"],
            source=options["source"],
            failed=options["failed"],
        )
        if not selection.describe() and not options["all"]:
            raise CommandError(
                "Say which events are meant, or --all for every one there is.",
                returncode=WRONG_USAGE,
            )
        return selection

    def show_preview(self, selection: Selection) -> Preview:
        """Print what the replay would do."""
        events = select_events(selection)
        with without_log_lines(), build_progress() as progress:
            task = progress.add_task("Looking ahead", total=None)
            seen = preview(
                events,
                progress=lambda count, found: progress.update(task, advance=count, total=found),
                reopens=selection.names_closed,
            )
        forecast = seen.forecast
        if not seen.found:
            raise CommandError("No event matches.")
        print_table(
            self.stdout,
            f"What a replay would do; events that match: {seen.found}",
            ("What", "How many"),
            (
                ("events processed again", forecast.events),
                ("  of them bound to fail", forecast.failing),
                ("events left alone: pending already", forecast.pending),
                ("events left alone: closed, and not asked for", forecast.closed),
                ("events left alone: body no longer stored", forecast.gone),
                ("effects run: failed or dead before", forecast.retried),
                ("effects run: owed, but missing", forecast.planned),
                ("effects kept: done, on their way or closed", forecast.kept),
                ("effects skipped: switched off, out of scope or owed already", forecast.skipped),
            ),
        )
        return seen

    def run_replay(self, selection: Selection, reason: str, wait: float, found: int) -> list[str]:
        """Replay, print what was set going, and see it through if that was asked for.

        `found` is how many events match. Returns what went wrong, a sentence each.
        """
        restarted: list[int] = []
        with without_log_lines(), build_progress() as progress:
            task = progress.add_task("Replaying", total=found)

            def note(looked_at: int, event_pks: list[int]) -> None:
                restarted.extend(event_pks)
                progress.advance(task, looked_at)

            replayed = replay(
                selection,
                reason=reason,
                requested_by=None,
                requested_from=f"command, {name_operator()}"[:100],
                progress=note,
            )
        self.show_replayed(replayed)
        return self.follow(restarted, wait) if wait > 0 else []

    def show_replayed(self, replayed: Replayed) -> None:
        """Print what was set going."""
        events = replayed.forecast.events
        self.stdout.write(
            f"Replay {replayed.replay.pk}. Events processed again: {events},"
            f" effects to run: {replayed.forecast.to_run}."
        )
        if replayed.handed_over < events:
            self.stdout.write(
                f"Events that the broker did not take: {events - replayed.handed_over}; the sweep"
                " hands them over when it does."
            )

    def follow(self, event_pks: list[int], seconds: float) -> list[str]:
        """Wait until the events and their effects are finished; return what went wrong."""
        with build_progress() as progress:
            task = progress.add_task("Processing", total=len(event_pks))
            followed = follow_events(
                event_pks, seconds, lambda count: progress.advance(task, count)
            )
        self.stdout.write(
            f"Events done: {followed.done}, failed: {followed.failed},"
            f" under way: {followed.under_way}."
        )
        problems = []
        if followed.under_way:
            problems.append(
                f"Events not finished after {seconds:g} s: {followed.under_way}; they go on"
                " without this command."
            )
        if followed.failed:
            problems.append(f"Events that failed, or have an effect that did: {followed.failed}.")
        return problems

    def find_missing(self, selection: Selection) -> list[str]:
        """Return the ids that were asked for and match no event, before any of them changes."""
        if not selection.event_ids:
            return []
        known = set(select_events(selection).values_list("event_id", flat=True))
        return [str(event_id) for event_id in selection.event_ids if event_id not in known]
