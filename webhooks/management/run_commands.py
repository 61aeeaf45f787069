"""What commands have in common that have something done to many rows.

They say what would happen, ask, write the run down as everybody else does, and see it through
themselves, with progress, unless that is left to the workers.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webhooks.audit import actor_of_command
from webhooks.management.options import INTERRUPTED, WRONG_USAGE, read_reason
from webhooks.management.terminal import (
    build_progress,
    confirm,
    print_table,
    without_log_lines,
)
from webhooks.models import Effect, Event, Replay
from webhooks.operations.runs import (
    Asked,
    NothingToDoError,
    RunPreview,
    ask_for,
    carry_out,
    preview_run,
    stop,
)
from webhooks.operations.selection import (
    AnySelection,
    Selection,
    select_effects,
    select_events,
)


class RunCommand(BaseCommand):
    """A command that has an action carried out on what its options select.

    A subclass names the action and the words, adds its options and reads the selection from them.
    """

    action: ClassVar[Replay.Action]
    heading: ClassVar[str]
    """What stands above the counts."""
    question: ClassVar[str]
    """What is asked before it begins, up to the number of rows."""
    rest: ClassVar[str] = "What was set going goes on; the same command takes up the rest."
    """What holds for a run that was stopped before its end."""

    def add_run_arguments(self, parser: CommandParser) -> None:
        """Add the options that all such commands have."""
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and do nothing"
        )
        parser.add_argument("--reason", default="", help="why; kept with the record of it")
        parser.add_argument("--yes", action="store_true", help="do not ask before it begins")
        parser.add_argument(
            "--detach",
            action="store_true",
            help="leave it to the workers, and return at once",
        )

    def read_selection(self, options: dict[str, Any]) -> AnySelection:
        """Return what the options mean. Raises `CommandError` where they say too little."""
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        """Do what the command is for."""
        selection = self.read_selection(options)
        reason = read_reason(options)
        missing = find_missing(selection)
        try:
            seen = self.show_preview(selection)
            wants = not options["dry_run"]
            if (
                wants
                and not options["yes"]
                and not confirm(f"{self.question}: {seen.rows}. Go on?")
            ):
                raise CommandError("Nothing was done.")
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Nothing was done.", returncode=INTERRUPTED) from None
        problems = self.carry_out(selection, reason, options) if wants else []
        if missing:
            problems.append(f"Not among the {selection.kind} that match: {', '.join(missing)}.")
        problems += self.find_problems(seen)
        if problems:
            raise CommandError(" ".join(problems))

    def show_preview(self, selection: AnySelection) -> RunPreview:
        """Print what would be done. Raises `CommandError` where that is nothing."""
        with without_log_lines(), build_progress() as progress:
            task = progress.add_task("Looking ahead", total=None)
            seen = preview_run(
                self.action,
                selection,
                progress=lambda count, found: progress.update(task, advance=count, total=found),
            )
        if not seen.found:
            raise CommandError(f"No {selection.kind.removesuffix('s')} matches.")
        rows = [(f"{selection.kind} that match", seen.found), *seen.lines]
        print_table(self.stdout, self.heading, ("What", "How many"), rows)
        for note in seen.notes:
            self.stdout.write(note)
        return seen

    def carry_out(
        self, selection: AnySelection, reason: str, options: Mapping[str, Any]
    ) -> list[str]:
        """Have it done, and print what it came to; return what went wrong, a sentence each."""
        asked = Asked(actor=actor_of_command(), reason=reason)
        try:
            with without_log_lines():
                run = ask_for(self.action, selection, asked)
        except NothingToDoError as error:
            raise CommandError(str(error)) from None
        name = str(run).capitalize()
        if options["detach"]:
            self.stdout.write(f"{name} goes on in the background; the admin shows how far it is.")
            return []
        try:
            with without_log_lines(), build_progress() as progress:
                task = progress.add_task(name, total=run.found or None)
                carry_out(
                    run,
                    lambda run: progress.update(
                        task, completed=run.looked_at, total=run.found or None
                    ),
                )
        except KeyboardInterrupt:
            raise CommandError(self.end(run), returncode=INTERRUPTED) from None
        self.stdout.write(f"{name}. {self.tell(run)}")
        if run.state == Replay.State.FINISHED:
            return self.follow(run, options)
        return [f"{name} has {run.get_state_display()}. {run.error}".rstrip()]

    def end(self, run: Replay) -> str:
        """Stop the run, and return what that means."""
        stop(run, actor_of_command())
        name = str(run).capitalize()
        if run.state != Replay.State.STOPPED:
            return f"Interrupted. {name} ends after the batch that a worker is at. {self.rest}"
        return f"Interrupted. {name} is stopped: {self.tell(run)} {self.rest}"

    def tell(self, run: Replay) -> str:
        """Return in words what the run came to."""
        raise NotImplementedError

    def follow(self, run: Replay, options: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Do what is to be done after the run; return what went wrong, a sentence each."""
        return []

    def find_problems(self, seen: RunPreview) -> list[str]:  # noqa: ARG002
        """Return what could not be done of what was asked for, a sentence each."""
        return []


def refuse_silence(what: str) -> CommandError:
    """Return what to raise where nothing says which rows are meant: silence is not all of them."""
    return CommandError(f"Say which {what}.", returncode=WRONG_USAGE)


def find_missing(selection: AnySelection) -> list[str]:
    """Return what was asked for by name and matches no row, before any of them changes."""
    if isinstance(selection, Selection):
        events = select_events(selection) if selection.event_ids else Event.objects.none()
        known_ids = set(events.values_list("event_id", flat=True))
        return [str(one) for one in selection.event_ids if one not in known_ids]
    effects = select_effects(selection) if selection.keys else Effect.objects.none()
    known_keys = set(effects.values_list("idempotency_key", flat=True))
    return [key for key in selection.keys if key not in known_keys]
