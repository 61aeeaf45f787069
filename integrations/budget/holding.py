"""Leaving a vendor alone for as long as it asks."""

from datetime import timedelta

import structlog
from django.db.models import Q
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.rows import change_row
from integrations.models import Budget
from integrations.text import make_storable

logger = structlog.stdlib.get_logger("integrations.budget")

LONGEST = timedelta(hours=24)
"""No hold is longer, whatever the vendor says: it may be a mistake, and nobody would notice."""


def hold(alias: Alias, for_: timedelta, reason: str) -> None:
    """Admit nobody and give no slot for the time `for_`; a longer hold that is there stays.

    Called where a vendor answers 429, or says that its limit is used up. `reason` is shown to
    staff, so it quotes no payload.
    """
    if for_ <= timedelta():
        return
    until = Now() + min(for_, LONGEST)
    reason = make_storable(reason)[:500]

    def change() -> int:
        shorter = Q(held_until=None) | Q(held_until__lt=until)
        return Budget.objects.filter(shorter, pk=alias).update(held_until=until, held_reason=reason)

    if change_row(alias, change):
        seconds = min(for_, LONGEST).total_seconds()
        logger.warning("integration_held", integration=alias, seconds=seconds, reason=reason)
