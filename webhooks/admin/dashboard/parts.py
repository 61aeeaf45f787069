"""What the dashboard is put together from: figures, tables and charts, in words for a page."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from django.utils import timezone
from django.utils.formats import date_format

from webhooks.admin.words.links import say_distance

CAP = 10_000
"""What waits is counted up to here; of more is only said that it is more."""


class Urgency(IntEnum):
    """How soon somebody should look, the most urgent first."""

    BROKEN = 0
    SOON = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not well, in a sentence, and where to go about it."""

    urgency: Urgency
    text: str
    url: str = ""

    @property
    def tone(self) -> str:
        """Return what it looks like."""
        return "danger" if self.urgency is Urgency.BROKEN else "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with what it counts; `tone` is one of unfold's colours, `detail` a few words."""

    text: str
    label: str
    url: str = ""
    tone: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table: plain, a link, or a coloured label; `detail` stands below it."""

    text: str
    url: str = ""
    label: str = ""
    detail: str = ""
    exact: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells, the first of each being the row's heading."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    first_words: int = 1
    """How many of the columns, from the left, hold words; the others hold numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart, or one colour of its bars: a value for each bar, or none."""

    label: str
    colour: str
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Values over time; drawn by unfold, and also told as a table."""

    kind: str
    title: str
    moments: Sequence[str]
    series: Sequence[Series]
    unit: str = ""

    @property
    def data(self) -> str:
        """Return what Chart.js draws."""
        return json.dumps(
            {
                "labels": list(self.moments),
                "datasets": [
                    {
                        "label": series.label,
                        "data": list(series.values),
                        "backgroundColor": series.colour,
                        "borderColor": series.colour,
                        "borderWidth": 2 if self.kind == "line" else 0,
                    }
                    for series in self.series
                ],
            }
        )

    @property
    def options(self) -> str:
        """Return how Chart.js draws it."""
        ticks = {"color": "#6b7280", "maxRotation": 0, "autoSkipPadding": 12}
        is_stacked = self.kind == "bar"
        return json.dumps(
            {
                "animation": False,
                "responsive": True,
                "maintainAspectRatio": False,
                "interaction": {"mode": "index", "intersect": False},
                "spanGaps": False,
                "elements": {"point": {"radius": 2}, "line": {"tension": 0.2}},
                "datasets": {"bar": {"maxBarThickness": 24, "borderRadius": 2}},
                "plugins": {
                    "legend": {
                        "position": "bottom",
                        "align": "start",
                        "labels": {"color": "#6b7280", "boxWidth": 10, "boxHeight": 10},
                    }
                },
                "scales": {
                    "x": {"stacked": is_stacked, "ticks": ticks, "grid": {"display": False}},
                    "y": {
                        "stacked": is_stacked,
                        "beginAtZero": True,
                        "ticks": {"color": "#6b7280", "precision": 0, "maxTicksLimit": 5},
                        "border": {"display": False},
                        "grid": {},
                    },
                },
            }
        )

    @property
    def table(self) -> Table:
        """Return the same in words, for whoever does not see it."""
        unit = f" ({self.unit})" if self.unit else ""
        return Table(
            caption=self.title,
            head=["From", *(series.label + unit for series in self.series)],
            rows=[
                [
                    Cell(text=moment),
                    *(
                        Cell(text="-" if value is None else write_number(value))
                        for value in (series.values[number] for series in self.series)
                    ),
                ]
                for number, moment in enumerate(self.moments)
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the dashboard that only people see who may see the rows it counts."""

    name: str
    title: str
    span: str = ""
    """Of which time it tells, if not of now."""
    figures: Sequence[Figure] = ()
    table: Table | None = None
    chart: Chart | None = None
    note: str = ""
    empty: str = ""
    """What is said instead where there is nothing to show."""
    is_wide: bool = False
    findings: Sequence[Finding] = field(default=())


def write_number(number: int) -> str:
    """Return a number with its thousands set apart."""
    return f"{number:,}"


def write_capped(number: int) -> str:
    """Return a number that was counted up to `CAP` and one more."""
    return write_number(number) if number <= CAP else f"{CAP:,}+"


def say_capped(number: int, one: str, many: str) -> str:
    """Return a number that was counted up to `CAP` and one more, with what it counts."""
    if number > CAP:
        return f"More than {CAP:,} {many}"
    return f"{write_number(number)} {one if number == 1 else many}"


def say_span(span: timedelta) -> str:
    """Return a length of time as people say it."""
    return say_distance(max(0, int(span.total_seconds())))


def write_moment(moment: datetime) -> str:
    """Return a time to the second in the reader's zone."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def write_bounds(column: str, since: datetime, until: datetime | None = None) -> dict[str, str]:
    """Return what a list's filter by time sends for `since`, in the reader's zone."""
    bounds = {"from": since} | ({"to": until} if until else {})
    return {
        f"{column}_{bound}_{part}": timezone.localtime(moment).strftime(form)
        for bound, moment in bounds.items()
        for part, form in enumerate(("%Y-%m-%d", "%H:%M:%S"))
    }


def pick_worst(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, the most urgent first, and otherwise as they were found."""
    return sorted(findings, key=lambda finding: finding.urgency)
