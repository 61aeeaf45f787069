"""The dashboard's effects: what each integration does, owes and could not do."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from integrations.admin.explanations import COLOURS, explain_budget
from integrations.models import Budget
from webhooks.admin.dashboard.parts import (
    CAP,
    Block,
    Cell,
    Chart,
    Finding,
    Series,
    Table,
    Urgency,
    say_capped,
    say_span,
    write_bounds,
    write_capped,
    write_number,
)
from webhooks.admin.dashboard.window import MINUTE, Look
from webhooks.admin.words.links import list_of
from webhooks.models import Attempt, Effect
from webhooks.operations.retry import name_integration
from webhooks.statistics.spans import ORIGIN

State = Effect.State
Outcome = Attempt.Outcome

LATE, VERY_LATE = 2 * MINUTE, 10 * MINUTE
"""How long an effect may be due, although its integration works, before somebody should know."""

ON_PURPOSE = frozenset({Budget.State.PAUSED, Budget.State.HELD})
BROKEN = frozenset({Budget.State.BROKEN, Budget.State.PROBING, Budget.State.HALF_OPEN})

COUNTED = (State.PENDING, State.RUNNING, State.FAILED, State.DEAD)

COUNT = """
SELECT integration, state, NULL::timestamptz AS due_at, (
    SELECT count(*) FROM (
        SELECT FROM webhooks_effect AS effect
        WHERE effect.integration = asked.integration AND effect.state = asked.state
        ORDER BY effect.id DESC LIMIT %(most)s
    ) AS those
) AS count
FROM (
    SELECT integration, state FROM unnest(%(integrations)s::text[]) AS integration
    CROSS JOIN unnest(%(states)s::text[]) AS state
) AS asked
UNION ALL
SELECT integration, 'due', (
    SELECT due_at FROM webhooks_effect AS effect
    WHERE effect.integration = asked.integration AND effect.priority = asked.priority
        AND effect.state IN ('pending', 'running')
    ORDER BY due_at LIMIT 1
), 0
FROM (
    SELECT integration, priority FROM unnest(%(integrations)s::text[]) AS integration
    CROSS JOIN unnest(%(priorities)s::int[]) AS priority
) AS asked
"""
"""Each combination is a stretch of one index, read no further than it is counted; and so is the
first to come due of each priority."""

COUNT_ATTEMPTS = f"""
SELECT integration, outcome, date_bin(%(step)s, since, {ORIGIN}), sum(count)::bigint
FROM webhooks_attemptcount WHERE since >= %(since)s
GROUP BY 1, 2, 3
"""  # noqa: S608 -- no value is in it

SHOWN = (
    (Outcome.SUCCEEDED, "done", "#22c55e"),
    (Outcome.TEMPORARY, "failed for now", "#f59e0b"),
    (Outcome.LOST, "lost with its worker", "#94a3b8"),
    (Outcome.PERMANENT, "refused", "#ef4444"),
)
"""What a chart shows of attempts, with its words and its colour."""


@dataclass(slots=True)
class Work:
    """What is known of one integration."""

    states: Counter[str] = field(default_factory=Counter)
    attempts: dict[str, Counter[datetime]] = field(default_factory=lambda: defaultdict(Counter))
    oldest_due_at: datetime | None = None

    @property
    def stopped(self) -> int:
        """Return how many of its effects wait for people."""
        return self.states[State.FAILED.value] + self.states[State.DEAD.value]

    @property
    def tried_again(self) -> int:
        """Return how many of the window's attempts lead to another."""
        return sum(self.attempts[outcome].total() for outcome in (Outcome.TEMPORARY, Outcome.LOST))


def read_work(look: Look) -> Mapping[str, Work]:
    """Return what is known of each integration's effects."""
    work = {alias: Work() for alias in Effect.Integration.values}
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "since": look.since,
            "step": look.window.step,
            "integrations": list(work),
            "states": [state.value for state in COUNTED],
            "priorities": Effect.Priority.values,
            "most": CAP + 1,
        }
        cursor.execute(COUNT, values)
        for alias, state, due_at, count in cursor:
            work[alias].states[state] += count
            if due_at is not None and due_at <= look.now:
                work[alias].oldest_due_at = min(due_at, work[alias].oldest_due_at or due_at)
        cursor.execute(COUNT_ATTEMPTS, values)
        for alias, outcome, bar, count in cursor:
            work[alias].attempts[outcome][bar] += count
    return work


def show_effects(look: Look) -> Block:
    """Return what each integration does, with whether it may."""
    work = read_work(look)
    budgets = {}
    if look.may_see(Budget):
        found = {budget.alias: budget for budget in Budget.objects.annotate(now=Now())}
        budgets = {alias: found.get(alias, Budget(alias=alias)) for alias in work}
    head = ["Integration", "State", "Waiting", "Running", "Failed", "Dead", "Done", "Tried again"]
    if not budgets:
        head.remove("State")
    return Block(
        name="effects",
        title="Effects",
        span=f"done and tried again: {look.span}",
        table=Table(
            caption="Effects by integration and state",
            head=head,
            rows=[
                [
                    Cell(text=name_integration(alias)),
                    *([show_state(look, budgets[alias])] if budgets else []),
                    show_waiting(look, alias, work[alias]),
                    *(show_count(alias, work[alias], state) for state in COUNTED[1:]),
                    show_done(look, alias, work[alias]),
                    show_tried_again(work[alias]),
                ]
                for alias in work
            ],
            first_words=2 if budgets else 1,
        ),
        chart=draw_attempts(look, work),
        findings=[
            finding
            for alias in work
            for finding in find_trouble(look, alias, work[alias], budgets.get(alias))
        ],
        is_wide=True,
    )


def show_state(look: Look, budget: Budget) -> Cell:
    """Return whether an integration may be called, with the reason where it may not."""
    state = budget.read_state(look.now)
    detail = "" if state is Budget.State.OPEN else explain_budget(budget, look.now)
    return Cell(text=str(state.label), label=COLOURS[state], url=list_of(Budget), detail=detail)


def show_waiting(look: Look, alias: str, work: Work) -> Cell:
    """Return how many effects are still to be done, and how long the oldest has been due."""
    oldest = work.oldest_due_at
    query = {"integration__exact": alias, "state__exact": State.PENDING.value}
    return Cell(
        text=write_capped(work.states[State.PENDING.value]),
        url=list_of(Effect, query),
        detail=f"due for {say_span(look.now - oldest)}" if oldest else "",
    )


def show_count(alias: str, work: Work, state: Effect.State) -> Cell:
    """Return how many effects are in a state."""
    count = work.states[state.value]
    return Cell(
        text=write_capped(count),
        url=list_of(Effect, {"integration__exact": alias, "state__exact": state.value}),
        label="danger" if count and state in Effect.STOPPED else "",
    )


def show_done(look: Look, alias: str, work: Work) -> Cell:
    """Return how many effects were done in the window."""
    query = {"integration__exact": alias, "state__exact": State.SUCCEEDED.value}
    return Cell(
        text=write_number(work.attempts[Outcome.SUCCEEDED].total()),
        url=list_of(Effect, query | write_bounds("finished_at", look.since)),
    )


def show_tried_again(work: Work) -> Cell:
    """Return how many attempts ended for now; no index has them by integration, so no list does."""
    count = work.tried_again
    return Cell(text=write_number(count), detail="attempts, not effects" if count else "")


def draw_attempts(look: Look, work: Mapping[str, Work]) -> Chart | None:
    """Return the attempts at all integrations together; nothing where there were none."""
    series = [
        Series(
            label=label,
            colour=colour,
            values=[
                sum(each.attempts[outcome][bar] for each in work.values()) for bar in look.bars
            ],
        )
        for outcome, label, colour in SHOWN
    ]
    if not any(any(each.values) for each in series):
        return None
    return Chart(
        kind="bar",
        title="Attempts at all integrations, by how they ended",
        moments=look.moments,
        series=series,
    )


def find_trouble(look: Look, alias: str, work: Work, budget: Budget | None) -> list[Finding]:
    """Return what somebody should know of an integration."""
    name, findings = name_integration(alias), []
    state = budget.read_state(look.now) if budget else Budget.State.OPEN
    waiting = say_capped(work.states[State.PENDING.value], "effect", "effects").lower()
    if state in BROKEN:
        text = f"{name} does not work; {waiting} to do. It is tried again by itself."
        findings.append(Finding(Urgency.BROKEN, text, list_of(Budget)))
    elif budget and state in ON_PURPOSE:
        why = f"paused by {budget.paused_by}" if budget.paused_at else "left alone for a while"
        findings.append(
            Finding(Urgency.SOON, f"{name} is {why}; {waiting} to do.", list_of(Budget))
        )
    elif work.oldest_due_at and (age := look.now - work.oldest_due_at) > LATE:
        findings.append(
            Finding(
                Urgency.BROKEN if age > VERY_LATE else Urgency.SOON,
                f"{name}: {waiting} to do, the oldest due for {say_span(age)}. Its workers are not"
                " running, or do not keep up.",
                list_of(Effect, {"integration__exact": alias, "state__exact": State.PENDING.value}),
            )
        )
    if work.stopped:
        verb = "needs" if work.stopped == 1 else "need"
        findings.append(
            Finding(
                Urgency.SOON,
                f"{name}: {say_capped(work.stopped, 'effect', 'effects').lower()} {verb} somebody:"
                " retry, or close with a reason.",
                list_of(Effect, {"needs": "people", "integration__exact": alias}),
            )
        )
    return findings
