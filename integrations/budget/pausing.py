"""People stop an integration and let it go on."""

import structlog
from django.db import transaction
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.rows import change_row
from integrations.budget.words import write_utc
from integrations.models import Budget
from integrations.text import make_storable

logger = structlog.stdlib.get_logger("integrations.budget")

NOTHING_TO_LIFT = "Neither paused nor held, and its circuit is not open."
"""What people are told where `resume` lifted nothing."""


def pause(alias: Alias, by: str, reason: str) -> bool:
    """Admit no effect until somebody resumes; what is under way comes to its end.

    `by` is who decides so, `reason` is for whoever wonders later. Returns whether it was not
    paused already; then the first pause stays as it is.
    """
    values = {"paused_by": make_storable(by)[:150], "paused_reason": make_storable(reason)[:500]}

    def change() -> int:
        running = Budget.objects.filter(pk=alias, paused_at=None)
        return running.update(paused_at=Now(), **values)

    paused = bool(change_row(alias, change))
    if paused:
        # What a person has typed may name somebody, so it stays on the row.
        logger.warning("integration_paused", integration=alias, by=by)
    return paused


def resume(alias: Alias, by: str) -> str:
    """Admit effects again at once: lift a pause and a hold, and have an open circuit tried.

    A vendor's wish to be left alone is lifted too: it may have been another vendor's, or another
    account's. Where it still has it, the next effect is told so and costs nothing. Returns in a
    sentence what was lifted, or an empty text where there was nothing.
    """
    with transaction.atomic():
        budget = Budget.objects.select_for_update().filter(pk=alias).annotate(now=Now()).first()
        if budget is None:
            return ""
        lifted = {}
        if budget.paused_at is not None:
            lifted["pause"] = f"the pause by {budget.paused_by}"
            budget.paused_at, budget.paused_by, budget.paused_reason = None, "", ""
        if budget.held_until is not None and budget.held_until > budget.now:
            lifted["hold"] = f"the hold until {write_utc(budget.held_until)}"
            budget.held_until, budget.held_reason = None, ""
        if budget.read_state(budget.now) is Budget.State.BROKEN:
            lifted["circuit"] = "the wait before its circuit is tried again"
            budget.open_until = budget.now
        if not lifted:
            return ""
        budget.save()
    logger.info("integration_resumed", integration=alias, by=by, lifted=list(lifted))
    return f"Lifted {' and '.join(lifted.values())}."
