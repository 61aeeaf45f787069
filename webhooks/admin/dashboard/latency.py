"""The dashboard's acknowledgements: how long senders waited for an answer."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from django.db import connection

from webhooks.admin.dashboard.parts import (
    Block,
    Chart,
    Figure,
    Finding,
    Series,
    Urgency,
    write_number,
)
from webhooks.admin.dashboard.window import Look
from webhooks.models import AcknowledgementCount
from webhooks.statistics.latency import LONGER, STEPS, find_quantile
from webhooks.statistics.spans import ORIGIN

Answer = AcknowledgementCount.Answer

COUNT = f"""
SELECT date_bin(%(step)s, since, {ORIGIN}), answer, at_most_ms, sum(count)::bigint
FROM webhooks_acknowledgementcount WHERE since >= %(since)s
GROUP BY 1, 2, 3
"""  # noqa: S608 -- no value is in it

QUANTILES = (
    ("Half of them", 0.50, "#6366f1"),
    ("95 of 100", 0.95, "#f59e0b"),
    ("99 of 100", 0.99, "#ef4444"),
)

SLOW = 2000
"""Milliseconds after which some senders have given up."""


def show_acknowledgements(look: Look) -> Block:
    """Return within which time deliveries were acknowledged."""
    by_bar: dict[datetime, Counter[int]] = defaultdict(Counter)
    put_off = 0
    values: dict[str, Any] = {"step": look.window.step, "since": look.since}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        for bar, answer, step, count in cursor:
            if answer == Answer.TAKEN:
                by_bar[bar][step] += count
            else:
                put_off += count
    total: Counter[int] = sum(by_bar.values(), Counter())
    return Block(
        name="acknowledgements",
        title="Acknowledgements",
        span=look.span,
        figures=[
            Figure(
                text=say_step(find_quantile(total, share)),
                label=label,
                tone="warning" if is_slow(find_quantile(total, share)) else "",
            )
            for label, share, _ in QUANTILES
        ]
        + [
            Figure(
                text=write_number(put_off),
                label="Told to come back",
                tone="danger" if put_off else "",
            )
        ],
        chart=Chart(
            kind="line",
            title="How long acknowledgements took at most",
            moments=look.moments,
            series=[
                Series(
                    label=label,
                    colour=colour,
                    values=[find_shown(by_bar.get(bar, Counter()), share) for bar in look.bars],
                )
                for label, share, colour in QUANTILES
            ],
            unit="ms",
        )
        if total
        else None,
        empty="" if total or put_off else f"Nothing was acknowledged {look.window.words}.",
        findings=[*find_trouble(look, put_off, total)],
    )


def find_trouble(look: Look, put_off: int, total: Counter[int]) -> list[Finding]:
    """Return what senders suffered."""
    findings = []
    if put_off:
        deliveries = "delivery was" if put_off == 1 else "deliveries were"
        findings.append(
            Finding(
                Urgency.BROKEN,
                f"{write_number(put_off)} {deliveries} told to come back later"
                f" {look.window.words}, since Postgres did not take them. The sender tries again.",
            )
        )
    if is_slow(find_quantile(total, 0.95)):
        findings.append(
            Finding(
                Urgency.SOON,
                "Acknowledgements are slow: one in twenty took longer than"
                f" {say_duration(SLOW)} {look.window.words}.",
            )
        )
    return findings


def find_shown(counts: Counter[int], share: float) -> int | None:
    """Return what a chart shows of the step: the last one has no length of its own."""
    step = find_quantile(counts, share)
    return STEPS[-2] if step == LONGER else step


def is_slow(step: int | None) -> bool:
    """Tell whether so long is too long."""
    return step is not None and step > SLOW


def say_step(step: int | None) -> str:
    """Return a step as people say it."""
    if step is None:
        return "-"
    return f"> {say_duration(STEPS[-2])}" if step == LONGER else f"≤ {say_duration(step)}"


def say_duration(milliseconds: int) -> str:
    """Return a short time."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"  # noqa: PLR2004 -- a second
