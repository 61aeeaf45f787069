"""People stop an integration and let it go on."""

import structlog
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.rows import change_row
from integrations.models import Budget
from integrations.text import make_storable

logger = structlog.stdlib.get_logger("integrations.budget")


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


def resume(alias: Alias, by: str) -> bool:
    """Admit effects again, and have the next one try the vendor where the circuit is open.

    A vendor's own wish to be left alone stays. Returns whether there was anything to resume.
    """
    budget = Budget.objects.filter(pk=alias)
    lifted = budget.filter(paused_at__isnull=False).update(
        paused_at=None, paused_by="", paused_reason=""
    )
    hastened = budget.filter(open_until__gt=Now(), is_probing=False).update(open_until=Now())
    resumed = bool(lifted or hastened)
    if resumed:
        logger.info("integration_resumed", integration=alias, by=by)
    return resumed
