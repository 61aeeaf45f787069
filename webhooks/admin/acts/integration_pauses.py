"""What people are asked before an integration is paused, or goes on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from integrations.admin.explanations import explain_budget
from integrations.base import Alias
from integrations.budget import NOTHING_TO_LIFT
from integrations.models import Budget
from webhooks.admin.acts.asking import Question
from webhooks.admin.find.counts import say_up_to
from webhooks.models import Effect
from webhooks.operations.pausing import MOST_COUNTED, count_waiting
from webhooks.operations.retry import name_integration

State = Budget.State

CLOSED = (State.PAUSED, State.HELD, State.BROKEN)
"""States in which there is something to lift."""

PAUSING = (
    "No effect begins there until somebody resumes it. What is under way comes to its end. Events"
    " are taken and processed as ever: whatever they owe waits, and is not lost."
)
RESUMING = (
    "What waits there begins to run at once, by itself, live work first; no faster than the"
    " settings allow. A vendor that still has trouble is left alone again, and that costs no effect"
    " an attempt."
)


def ask_to_pause(budgets: Sequence[Any], back: str) -> Question:
    """Return the question before these integrations are paused; each knows the database's time."""
    running = [budget for budget in budgets if budget.paused_at is None]
    return Question(
        title=f"Pause {name_all(budgets)}",
        meaning=[
            PAUSING,
            "Resuming needs nothing else: what waits then runs by itself, live work first.",
        ],
        lines=list(list_waiting(budgets, "would wait now")),
        notes=[
            f"{name_integration(budget.alias)}: {explain_budget(budget, budget.now)}"
            for budget in budgets
            if budget not in running
        ],
        verb="Pause" if running else "",
        refusal="It is paused already.",
        back=back,
        back_to="the integrations" if len(budgets) > 1 else "the integration",
    )


def ask_to_resume(budgets: Sequence[Any], back: str) -> Question:
    """Return the question before these integrations go on; each knows the database's time."""
    closed = any(budget.read_state(budget.now) in CLOSED for budget in budgets)
    return Question(
        title=f"Resume {name_all(budgets)}",
        meaning=[
            RESUMING,
            *(
                f"{name_integration(budget.alias)}: {explain_budget(budget, budget.now)}"
                for budget in budgets
            ),
        ],
        lines=list(list_waiting(budgets, "would begin to run")),
        verb="Resume" if closed else "",
        refusal=NOTHING_TO_LIFT,
        back=back,
        back_to="the integrations" if len(budgets) > 1 else "the integration",
    )


def list_waiting(budgets: Iterable[Any], what: str) -> Iterator[tuple[str, str]]:
    """Yield for each integration how many effects wait or are under way."""
    for budget in budgets:
        number = count_waiting(cast("Alias", budget.alias))
        many = say_up_to(number, MOST_COUNTED)
        yield f"{name_integration(budget.alias)}: effects that {what}", many


def name_all(budgets: Iterable[Any]) -> str:
    """Return what the integrations are called together."""
    return ", ".join(str(Effect.Integration(budget.alias).label) for budget in budgets)
