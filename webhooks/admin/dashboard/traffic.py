"""The dashboard's deliveries: what became of them."""

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
    write_bounds,
    write_number,
)
from webhooks.admin.dashboard.window import Look
from webhooks.admin.words.links import list_of
from webhooks.models import Delivery
from webhooks.statistics.spans import ORIGIN

Outcome = Delivery.Outcome

COUNT = f"""
SELECT date_bin(%(step)s, since, {ORIGIN}), outcome, sum(count)::bigint
FROM webhooks_deliverycount WHERE since >= %(since)s
GROUP BY 1, 2
"""  # noqa: S608 -- no value is in it

COLOURS = {
    Outcome.ACCEPTED: "#6366f1",
    Outcome.DUPLICATE: "#94a3b8",
    Outcome.CONFLICT: "#f59e0b",
    Outcome.REJECTED: "#ef4444",
}

MEANINGS = {
    Outcome.ACCEPTED: "new, and taken",
    Outcome.DUPLICATE: "came before; nothing to do",
    Outcome.CONFLICT: "came before, with another content",
    Outcome.REJECTED: "turned away",
}


def show_deliveries(look: Look) -> Block:
    """Return what became of deliveries."""
    by_bar: dict[str, Counter[datetime]] = defaultdict(Counter)
    values: dict[str, Any] = {"step": look.window.step, "since": look.since}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, values)
        for bar, outcome, count in cursor:
            by_bar[outcome][bar] += count
    totals = {outcome: by_bar[outcome.value].total() for outcome in Outcome}
    findings = []
    if conflicts := totals[Outcome.CONFLICT]:
        text = "1 conflict" if conflicts == 1 else f"{write_number(conflicts)} conflicts"
        findings.append(
            Finding(
                Urgency.SOON,
                f"{text} {look.window.words}: a known event came again with another content.",
                link_to_deliveries(look, Outcome.CONFLICT),
            )
        )
    return Block(
        name="deliveries",
        title="Deliveries",
        span=look.span,
        figures=[
            Figure(
                text=write_number(totals[outcome]),
                label=str(outcome.label),
                url=link_to_deliveries(look, outcome),
                tone="warning" if outcome is Outcome.CONFLICT and totals[outcome] else "",
                detail=MEANINGS[outcome],
            )
            for outcome in Outcome
        ],
        chart=Chart(
            kind="bar",
            title="Deliveries by outcome",
            moments=look.moments,
            series=[
                Series(
                    label=str(outcome.label),
                    colour=COLOURS[outcome],
                    values=[by_bar[outcome.value][bar] for bar in look.bars],
                )
                for outcome in Outcome
            ],
        )
        if any(totals.values())
        else None,
        empty="" if any(totals.values()) else f"No delivery {look.window.words}.",
        findings=findings,
    )


def link_to_deliveries(look: Look, outcome: Delivery.Outcome) -> str:
    """Return the list of the window's deliveries with that outcome."""
    query = {"outcome__exact": outcome.value}
    return list_of(Delivery, query | write_bounds("received_at", look.since))
