"""Close events or effects that failed or are dead."""

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from webhooks.management.options import WRONG_USAGE, read_moment
from webhooks.management.run_commands import RunCommand, refuse_silence
from webhooks.models import Effect, Replay
from webhooks.operations.selection import AnySelection, EffectSelection, Selection

OF_EVENTS = ("event_ids", "type", "source")
OF_EFFECTS = ("keys", "integration")


class Command(RunCommand):
    help = (
        "Has events or effects that failed or are dead wait for nobody any more, with a reason."
        " They can still be retried later. Ends with 0 when it was done, 1 when there was nothing"
        " to do, or some were not among what matched, 2 when it was used wrongly."
    )
    action = Replay.Action.CLOSING
    heading = "What would be closed"
    question = "To be closed"
    rest = "What is closed stays so; the same command takes up the rest."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--events", action="store_true", help="close events")
        what.add_argument("--effects", action="store_true", help="close effects")
        parser.add_argument(
            "--event-id",
            dest="event_ids",
            type=uuid.UUID,
            action="append",
            default=[],
            metavar="UUID",
            help="of events: the sender's id; repeatable",
        )
        parser.add_argument("--type", default="", help="of events: such as conversation.ended")
        parser.add_argument("--source", default="", metavar="SLUG", help="of events")
        parser.add_argument(
            "--keys", nargs="+", default=[], metavar="KEY", help="of effects: idempotency keys"
        )
        parser.add_argument(
            "--integration", choices=Effect.Integration.values, default="", help="of effects"
        )
        parser.add_argument("--conversation", default="", metavar="UUID")
        parser.add_argument(
            "--from",
            type=read_moment,
            metavar="TIME",
            help="received (events) or ended (effects) then or later (ISO 8601)",
        )
        parser.add_argument("--to", type=read_moment, metavar="TIME", help="and before that")
        parser.add_argument("--all", action="store_true", help="every one that waits for people")
        self.add_run_arguments(parser)

    def read_selection(self, options: dict[str, Any]) -> AnySelection:
        for name in OF_EFFECTS if options["events"] else OF_EVENTS:
            if options[name]:
                kind = "events" if options["events"] else "effects"
                option = "event-id" if name == "event_ids" else name
                raise CommandError(f"--{option} is not for {kind}.", returncode=WRONG_USAGE)
        selection: AnySelection
        if options["events"]:
            selection = Selection(
                event_ids=tuple(options["event_ids"]),
                event_type=options["type"],
                source=options["source"],
                conversation=options["conversation"],
                received_from=options["from"],
                received_to=options["to"],
            )
        else:
            selection = EffectSelection(
                keys=tuple(options["keys"]),
                integration=options["integration"],
                conversation=options["conversation"],
                ended_from=options["from"],
                ended_to=options["to"],
            )
        if selection.is_everything and not options["all"]:
            raise refuse_silence("are meant, or --all for every one that waits for people")
        return selection

    def tell(self, run: Replay) -> str:
        return f"Closed: {run.events + run.effects_closed}."
