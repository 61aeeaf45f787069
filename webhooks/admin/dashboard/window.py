"""The time that the dashboard tells of, and who is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format

from webhooks.admin.dashboard.parts import Finding, Urgency, say_span
from webhooks.statistics.spans import ORIGIN

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ALARMING = 2 * MINUTE
"""Counting is done every few seconds, so that after so long something is wrong."""

BEHIND = 20 * MINUTE
"""How old the newest figures may be while what was missed is still being counted."""

BEGIN = f"""
SELECT
    statement_timestamp(), date_bin(%(step)s, statement_timestamp() - %(length)s, {ORIGIN}),
    (SELECT min(counted_at) FROM webhooks_counteduntil),
    (SELECT min(until) FROM webhooks_counteduntil WHERE subject <> 'rejections')
"""  # noqa: S608 -- no value is in it


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time that one can choose, and the length of a chart's bars."""

    name: str
    label: str
    words: str
    length: timedelta
    step: timedelta


WINDOWS = (
    Window("now", "Now", "in the last 15 minutes", 15 * MINUTE, 5 * MINUTE),
    Window("hour", "Hour", "in the last hour", HOUR, 5 * MINUTE),
    Window("day", "Day", "in the last day", DAY, HOUR),
    Window("week", "Week", "in the last week", 7 * DAY, 6 * HOUR),
)


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looks at the dashboard: who, when, and at which time. All times are Postgres's."""

    reader: User | AnonymousUser
    window: Window
    now: datetime
    since: datetime
    counted_at: datetime | None
    counted_until: datetime | None

    def may_see(self, model: type[Model]) -> bool:
        """Tell whether the reader may open the model's list."""
        opts = model._meta  # noqa: SLF001 -- documented API
        return self.reader.has_perm(f"{opts.app_label}.view_{opts.model_name}")

    @property
    def bars(self) -> list[datetime]:
        """Return when each of the charts' bars begins."""
        count = -(-(self.now - self.since) // self.window.step)
        return [self.since + number * self.window.step for number in range(count)]

    @property
    def moments(self) -> list[str]:
        """Return the bars' names, in the reader's zone."""
        form = "H:i" if self.window.length <= DAY else "D H:i"
        return [date_format(timezone.localtime(bar), form) for bar in self.bars]

    @property
    def span(self) -> str:
        """Return since when the window's figures count, in the reader's zone."""
        since, now = timezone.localtime(self.since), timezone.localtime(self.now)
        form = "H:i" if since.date() == now.date() else "D j M, H:i"
        return f"since {date_format(since, form)}"


def choose_window(name: str | None) -> Window:
    """Return the window of that name; the hour where there is none."""
    return next((window for window in WINDOWS if window.name == name), WINDOWS[1])


def begin_look(reader: User | AnonymousUser, window: Window) -> Look:
    """Return what all parts of the dashboard have to know."""
    values: dict[str, Any] = {"step": window.step, "length": window.length}
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, values)
        ((now, since, counted_at, counted_until),) = cursor.fetchall()
    return Look(reader, window, now, since, counted_at, counted_until)


def find_staleness(look: Look) -> Iterable[Finding]:
    """Yield what keeps the figures from being of now."""
    if look.counted_at is None:
        yield Finding(
            Urgency.SOON,
            "Nothing has been counted yet. If this stays so, the sweep's worker or beat is not"
            " running: tell whoever runs Switchboard.",
        )
    elif (silence := look.now - look.counted_at) > ALARMING:
        yield Finding(
            Urgency.BROKEN,
            f"Nothing has been counted for {say_span(silence)}, so the figures are old and nothing"
            " is retried: the sweep's worker or beat is not running. Tell whoever runs"
            " Switchboard.",
        )
    elif look.counted_until and (gap := look.now - look.counted_until) > BEHIND:
        yield Finding(
            Urgency.SOON,
            f"The figures of the last {say_span(gap)} are still being counted. Have a look again"
            " in a few minutes.",
        )
