"""What tests do with an effect between its steps."""

from datetime import timedelta
from typing import cast

from django.db.models.functions import Now

from integrations.base import Alias
from webhooks.models import Effect
from webhooks.processing.claims import Claim, claim_best


def let_time_pass(effect: Effect) -> None:
    """Let the back-off or the lease of the effect end, as time does."""
    Effect.objects.filter(pk=effect.pk).update(due_at=Now() - timedelta(seconds=1))


def list_attempts(effect: Effect) -> list[tuple[int, str, str, str]]:
    """Return number, outcome, class and words of each of the effect's attempts."""
    rows = effect.attempts.order_by("number")
    return list(rows.values_list("number", "outcome", "error_class", "error"))


def claim(effect: Effect) -> Claim:
    """Claim the effect, which must be possible and its integration's best."""
    claimed = claim_best(cast("Alias", effect.integration))
    assert isinstance(claimed, Claim)
    assert claimed.effect == effect
    return claimed
