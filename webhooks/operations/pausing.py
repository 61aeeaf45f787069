"""Pause integrations and let them go on, and write down who did so and why.

Sources are paused by `webhooks.operations.sources`.
"""

from django.db import transaction

from integrations.base import Alias
from integrations.budget import pause, resume
from integrations.models import Budget
from webhooks.audit import Actor, record
from webhooks.models import AuditEntry, Effect

MOST_COUNTED = 10_000
"""Waiting effects that are counted for people; of more is only said that they are more."""

OPEN = (Effect.State.PENDING, Effect.State.RUNNING)


@transaction.atomic
def pause_integration(alias: Alias, actor: Actor, reason: str) -> bool:
    """Have no effect of the integration begin until somebody resumes it; record who and why.

    Events are taken and processed as ever, and what they owe it waits. What is under way comes to
    its end. Returns whether it was not paused already; then the first pause stays as it is, and
    nothing is recorded. Called by the admin, the API and `pause_integration`.
    """
    paused = pause(alias, actor.name, reason)
    if paused:
        record(AuditEntry.Action.PAUSE, actor, Budget.objects.get(pk=alias), reason)
    return paused


@transaction.atomic
def resume_integration(alias: Alias, actor: Actor, reason: str = "") -> str:
    """Have the integration's effects run again at once, whatever keeps them back; record who.

    That is a pause, a hold or an open circuit. Returns in a sentence what was lifted, or an empty
    text where there was nothing; then nothing is recorded. Called by the admin, the API and
    `resume_integration`.
    """
    lifted = resume(alias, actor.name)
    if lifted:
        detail = " ".join(filter(None, [reason, lifted]))
        record(AuditEntry.Action.RESUME, actor, Budget.objects.get(pk=alias), detail)
    return lifted


def count_waiting(alias: Alias) -> int:
    """Return how many effects of the integration wait for a worker or are under way.

    It is `MOST_COUNTED` + 1 where there are more than that.
    """
    waiting = Effect.objects.filter(integration=alias, state__in=OPEN).order_by()
    return waiting.values("pk")[: MOST_COUNTED + 1].count()
