"""What pages tell of an effect's attempts, and of what people had done with a row."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webhooks.admin.words.advice import name_culprit
from webhooks.admin.words.durations import write_moment
from webhooks.admin.words.explanations import explain_attempt
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_to_replay, show_time
from webhooks.admin.words.next_steps import advise_attempt
from webhooks.models import Attempt, Effect, Replay


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """An attempt as a page of its effect shows it. `duration` is in words."""

    number: int
    started: SafeString | str
    duration: str
    label: SafeString
    meaning: str
    whose: str
    worker: str


def describe_attempts(
    attempts: Iterable[Attempt], reader: User | AnonymousUser
) -> list[AttemptOutcome]:
    """Return an effect's attempts in their order, to who may see them."""
    if not reader.has_perm("webhooks.view_attempt"):
        return []
    return [
        AttemptOutcome(
            number=attempt.number,
            started=show_time(attempt.started_at),
            duration=show_duration(attempt),
            label=render_label(Attempt.Outcome(attempt.outcome)),
            meaning=explain_attempt(attempt),
            whose=name_culprit(advise_attempt(attempt)),
            worker=attempt.worker,
        )
        for attempt in attempts
    ]


def describe_lease(effect: Effect, attempts: Iterable[Attempt], now: datetime) -> str:
    """Return which worker is at an effect, and until when it is the worker's; or when it is due."""
    if effect.state == Effect.State.PENDING:
        return f"A worker may take it up {write_moment(effect.due_at, now)}."
    if effect.state != Effect.State.RUNNING:
        return "-"
    running = [each.worker for each in attempts if each.outcome == Attempt.Outcome.RUNNING]
    worker = running[-1] if running else "A worker"
    if effect.due_at <= now:
        return f"{worker} has not come back in time: another takes over within moments."
    until = write_moment(effect.due_at, now)
    return f"{worker} is at it. Without word of it another takes over {until}."


def describe_request(replay: Replay | None, *, is_link: bool) -> SafeString | str:
    """Return what somebody had done with a row, who, when and why.

    Whoever may see the row is told so much; `is_link`: they may also see the record of it.
    """
    if replay is None:
        return "-"
    name = link_to_replay(replay, str(replay).capitalize(), is_link=is_link)
    asked = show_time(replay.created_at)
    return format_html("{}, {}, by {}: {}", name, asked, replay.person, replay.reason)


def show_duration(attempt: Attempt) -> str:
    """Return how long an attempt took."""
    if attempt.finished_at is None:
        return "-"
    milliseconds = (attempt.finished_at - attempt.started_at).total_seconds() * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004 -- a second
