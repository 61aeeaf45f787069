"""Plots of a run over its time, with the faults marked on it, as SVG to be put into a page."""

import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pygal
from pygal.style import Style

from tests.faults.outcome import Outcome
from tests.faults.watch import Sample

# It finds pygal's plug-ins, of which there are none here, in a way that Python warns of at every
# import from now on.
sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]

MOST_POINTS = 400
"""Of a line; a long run's seconds are put together."""

Points = list[tuple[float, float | None]]
Pick = Callable[[Sample], float | None]

POWERS = ("1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1000 s", "10 000 s")
"""The scale of latencies, from nothing upwards."""

WIDTH, HEIGHT = 1100, 300
MARK = "var(--bad)"
COLORS = tuple(f"var(--line-{number})" for number in range(1, 5))


def plot_throughput(outcome: Outcome) -> str:
    """Return what was acknowledged and applied each second."""
    return plot(
        outcome,
        "a second",
        {
            "acknowledged": lambda one: float(one.acked),
            "applied": lambda one: float(one.applied),
            "tries not acknowledged": lambda one: float(one.unanswered),
        },
        put_together=mean,
    )


def plot_latency(outcome: Outcome) -> str:
    """Return how long acknowledgements took, from when the delivery was due."""
    return plot(
        outcome,
        "",
        {"p50": lambda one: take_power(one.p50), "p99": lambda one: take_power(one.p99)},
        put_together=max,
        is_power=True,
    )


def plot_backlog(outcome: Outcome) -> str:
    """Return what waits."""
    return plot(
        outcome,
        "rows, or messages",
        {
            "events not processed": lambda one: (
                None if one.rows is None else one.rows.pending_events
            ),
            "effects not done": lambda one: None if one.rows is None else one.rows.open_effects,
            "due now": lambda one: None if one.rows is None else one.rows.due,
            "hints at the broker": lambda one: one.hints,
        },
        put_together=max,
    )


def plot(
    outcome: Outcome,
    unit: str,
    lines: dict[str, Pick],
    put_together: Callable[[Sequence[float]], float],
    *,
    is_power: bool = False,
) -> str:
    """Return one plot, with a mark for each fault; `is_power`: its values are powers of ten."""
    series = {name: gather(outcome.samples, pick, put_together) for name, pick in lines.items()}
    values = [value for points in series.values() for _, value in points if value is not None]
    high = math.ceil(max([1.0, *values]))
    chart = build_chart(unit, len(lines), high, outcome.seconds, is_power=is_power)
    for name, points in series.items():
        chart.add(name, points)
    marks = mark_incidents(outcome, high)
    chart.add("a fault", marks, fill=True, stroke_style={"width": 0.5})
    # Nothing but their labels is drawn, and without a name they stand in no legend.
    chart.add(None, number_incidents(outcome, high), show_dots=True, dots_size=0, stroke=False)
    svg: str = chart.render(is_unicode=True, disable_xml_declaration=True)
    # Its configuration, which only pygal's own script would read.
    return re.sub(r"<script.*?</script>", "", svg, flags=re.DOTALL)


def build_chart(
    unit: str,
    lines: int,
    high: float,
    seconds: float,
    *,
    is_power: bool,
) -> Any:
    """Return an empty chart in the page's own colours."""
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        guide_stroke_dasharray="1,0",
        major_guide_stroke_dasharray="1,0",
        opacity=".18",
        colors=(*COLORS[:lines], MARK, MARK),
        font_family="inherit",
        label_font_size=11,
        major_label_font_size=11,
        legend_font_size=12,
        title_font_size=12,
        value_label_font_size=11,
        value_colors=("var(--ink)",) * (lines + 2),
    )
    return pygal.XY(
        style=style,
        js=[],
        show_dots=False,
        print_labels=True,
        width=WIDTH,
        height=HEIGHT,
        margin=4,
        legend_at_bottom=True,
        legend_at_bottom_columns=lines + 1,
        legend_box_size=10,
        y_labels=list(range(round(high) + 1)) if is_power else None,
        range=(0, high),
        xrange=(0, seconds),
        y_title=unit,
        stroke_style={"width": 1.4},
        allow_interruptions=True,
        x_value_formatter=lambda value: f"{value:.0f} s",
        value_formatter=lambda value: POWERS[round(value)] if is_power else f"{value:g}",
        show_y_guides=True,
        show_x_guides=False,
    )


def gather(
    samples: Sequence[Sample], pick: Pick, put_together: Callable[[Sequence[float]], float]
) -> Points:
    """Return a line's points, at most `MOST_POINTS`."""
    step = max(1, -(-len(samples) // MOST_POINTS))
    points: Points = []
    for start in range(0, len(samples), step):
        group = samples[start : start + step]
        values = [value for one in group if (value := pick(one)) is not None]
        points.append((group[0].at, put_together(values) if values else None))
    return points


def mark_incidents(outcome: Outcome, high: float) -> Points:
    """Return the outline of a block for each incident, up to `high`."""
    points: Points = []
    for told in sorted(outcome.incidents, key=lambda one: one.began):
        ended = told.began + max(told.lasted, outcome.seconds / WIDTH)
        points += [(told.began, 0), (told.began, high), (ended, high), (ended, 0)]
        points.append((ended, None))
    return points


def number_incidents(outcome: Outcome, high: float) -> list[dict[str, Any]]:
    """Return a label for each incident that has its line in the table: its number there."""
    chosen, _ = outcome.pick_incidents()
    return [
        {"value": (told.began, high), "label": str(number)}
        for number, told in enumerate(chosen, start=1)
    ]


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return sum(values) / len(values)


def take_power(seconds: float | None) -> float | None:
    """Return which power of ten a latency is, in milliseconds.

    pygal's own logarithmic scale would bend the axis of time, too.
    """
    return None if seconds is None else math.log10(max(1.0, seconds * 1000))
