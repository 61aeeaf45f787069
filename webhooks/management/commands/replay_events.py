"""Have stored events processed again."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from webhooks.management.options import WRONG_USAGE, read_moment
from webhooks.management.run_commands import RunCommand, refuse_silence
from webhooks.management.terminal import build_progress
from webhooks.models import Event, Replay
from webhooks.operations.follow import follow_events
from webhooks.operations.replay import GONE
from webhooks.operations.runs import RunPreview
from webhooks.operations.selection import Selection


class Command(RunCommand):
    help = (
        "Has stored events processed again, with the same keys: what was done is not done twice,"
        " what failed is tried again, what today's routes owe beyond that is added. Ends with 0"
        " when all of it was set going (with --wait: was done), 1 when there was nothing to do,"
        " some could not be replayed or (with --wait) failed, were held or took longer, 2 when it"
        " was used wrongly."
    )
    action = Replay.Action.REPLAY
    heading = "What a replay would do"
    question = "Events to process again"

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
        parser.add_argument("--all", action="store_true", help="all but those that were closed")
        self.add_run_arguments(parser)
        parser.add_argument(
            "--wait",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="stay until all that is owed is done, at most that long (default: do not wait)",
        )

    def read_selection(self, options: dict[str, Any]) -> Selection:
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
        if selection.is_everything and not options["all"]:
            raise refuse_silence("events are meant, or --all for all but those that were closed")
        if options["detach"] and options["wait"]:
            raise CommandError("--detach does not wait: leave --wait out.", returncode=WRONG_USAGE)
        return selection

    def tell(self, run: Replay) -> str:
        return f"Events processed again: {run.events}, effects to run: {run.effects_to_run}."

    def follow(self, run: Replay, options: Mapping[str, Any]) -> list[str]:
        """Wait until the events and their effects are finished, if that was asked for."""
        seconds = options["wait"]
        if not seconds:
            return []
        keys = list(Event.objects.filter(replay=run).order_by("pk").values_list("pk", flat=True))
        with build_progress() as progress:
            task = progress.add_task("Processing", total=len(keys))
            followed = follow_events(keys, seconds, lambda count: progress.advance(task, count))
        self.stdout.write(
            f"Events done: {followed.done}, failed: {followed.failed}, held: {followed.held},"
            f" under way: {followed.under_way}."
        )
        problems = []
        if followed.under_way:
            problems.append(
                f"Events not finished after {seconds:g} s: {followed.under_way}; they go on"
                " without this command."
            )
        if followed.held:
            problems.append(
                f"Events held: their source is paused: {followed.held}; they go on when it is"
                " resumed."
            )
        if followed.failed:
            problems.append(f"Events that failed, or have an effect that did: {followed.failed}.")
        return problems

    def find_problems(self, seen: RunPreview) -> list[str]:
        gone = dict(seen.lines).get(GONE, 0)
        if not gone:
            return []
        return [f"Events that cannot be replayed, since their bodies are no longer stored: {gone}."]
