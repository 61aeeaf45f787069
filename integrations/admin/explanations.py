"""A budget in words: whether an integration may be called, and what the settings allow."""

from datetime import datetime, timedelta
from typing import cast

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.base import Alias
from integrations.budget.words import end_sentence
from integrations.models import Budget
from integrations.registry import get_backend

State = Budget.State

COLOURS = {
    State.PAUSED: "warning",
    State.HELD: "warning",
    State.BROKEN: "danger",
    State.PROBING: "info",
    State.HALF_OPEN: "info",
    State.OPEN: "success",
}
"""unfold's names of colours."""


MEANINGS = {
    State.PAUSED: "Paused by {budget.paused_by} since {paused_since}: {pause} Effects wait until"
    " somebody resumes it.",
    State.HELD: "Left alone until {held_until}: {hold}",
    State.BROKEN: "Effects wait until {open_until}, then one of them tries again. {failures}",
    State.PROBING: "One effect is trying whether it works again. {failures}",
    State.HALF_OPEN: "The next effect tries whether it works again. {failures}",
    State.OPEN: "Effects are run as they come. {failures}",
}


def explain_budget(budget: Budget, now: datetime) -> str:
    """Return what the state at `now` means, since or until when, and why it is so."""
    return (
        MEANINGS[budget.read_state(now)]
        .format(
            budget=budget,
            paused_since=write_time(budget.paused_at),
            pause=end_sentence(budget.paused_reason),
            held_until=write_time(budget.held_until),
            hold=end_sentence(budget.held_reason),
            open_until=write_time(budget.open_until),
            failures=tell_failures(budget),
        )
        .strip()
    )


def tell_failures(budget: Budget) -> str:
    """Return how many effects failed in a row, and what the last one said."""
    reason = end_sentence(budget.failure_reason)
    if not budget.failures:
        return ""
    if budget.failures == 1:
        return f"The last one failed: {reason}"
    return f"The last {budget.failures} failed: {reason}"


def describe_limits(alias: str) -> str:
    """Return what the settings let all workers do together, and whether they only pretend to."""
    try:
        options = get_backend(cast("Alias", alias)).options
    except ImproperlyConfigured:
        return "misconfigured"
    rate, concurrency = options.read_rate(), options.read_concurrency()
    limits = [
        "dry run: nothing is sent" if options.dry_run else "",
        f"{rate.requests} requests {write_window(rate.window)}" if rate else "",
        f"{concurrency} at once" if concurrency else "",
    ]
    return ", ".join(filter(None, limits)) or "none"


def name_backend(alias: str) -> str:
    """Return the class that the settings bind the integration to."""
    try:
        return type(get_backend(cast("Alias", alias))).__name__
    except ImproperlyConfigured:
        return "misconfigured"


def write_window(window: timedelta) -> str:
    """Return a stretch of time as people say it."""
    words = {timedelta(hours=1): "an hour", timedelta(minutes=1): "a minute"}
    return words.get(window, f"in {window.total_seconds():g} s")


def write_time(moment: datetime | None) -> str:
    """Return a time to the second in the reader's zone."""
    return "-" if moment is None else date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def show_time(moment: datetime) -> SafeString:
    """Return a time that keeps to one line."""
    return format_html(
        '<time datetime="{}" class="whitespace-nowrap">{}</time>',
        moment.isoformat(),
        write_time(moment),
    )
