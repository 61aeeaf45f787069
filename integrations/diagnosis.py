"""Whether an integration could do its work now, found out without doing any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models.functions import Now

from integrations.base import Alias
from integrations.budget.words import end_sentence, write_utc
from integrations.exceptions import IntegrationError
from integrations.models import Budget
from integrations.registry import get_backend


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about an integration; without obstacles its vendor would work.

    `remarks` say why its effects wait all the same, where they do.
    """

    obstacles: tuple[str, ...]
    is_dry_run: bool = False
    remarks: tuple[str, ...] = ()


def diagnose(alias: Alias) -> Diagnosis:
    """Check the settings of `alias`, then call its vendor harmlessly.

    A pause and an open circuit are for effects: they are remarked on, and the vendor is called.
    Under a hold it is not: that is an obstacle, as is whatever goes wrong, in a sentence that
    quotes no secret. Only an error that no backend should raise comes out as it is.
    """
    remarks: tuple[str, ...] = ()
    try:
        backend = get_backend(alias)
        dry_run = backend.options.dry_run
        mistakes = tuple(
            f"{message.msg} {message.hint or ''}".strip()
            for message in backend.check()
            if message.is_serious()
        )
        budget = Budget.objects.filter(pk=alias).annotate(now=Now()).first()
        if budget is not None:
            remarks = tuple(describe_standing(budget, budget.now))
            if budget.held_until is not None and budget.held_until > budget.now:
                return Diagnosis(
                    (describe_hold(budget, budget.held_until), *mistakes), dry_run, remarks
                )
        return Diagnosis(mistakes or tuple(backend.diagnose()), dry_run, remarks)
    except ImproperlyConfigured as error:
        return Diagnosis((f"The setting INTEGRATIONS is wrong: {error}",))
    except IntegrationError as error:
        return Diagnosis((str(error),), dry_run, remarks)
    except DatabaseError as error:
        return Diagnosis((f"Switchboard's own database failed with {type(error).__name__}.",))


def describe_hold(budget: Budget, until: datetime) -> str:
    """Return how long the vendor is left alone and why, and what to do where that is wrong."""
    return (
        f"Held until {write_utc(until)}: {end_sentence(budget.held_reason)}"
        f" `manage.py resume_integration {budget.alias}` lifts that."
    )


def describe_standing(budget: Budget, now: datetime) -> Iterator[str]:
    """Yield why effects wait even where the vendor works, and what to do about it."""
    resume = f"`manage.py resume_integration {budget.alias}`"
    if budget.paused_at is not None:
        yield (
            f"Paused by {budget.paused_by} since {write_utc(budget.paused_at)}:"
            f" {end_sentence(budget.paused_reason)} {resume} lifts that."
        )
    if budget.open_until is None:
        return
    reason = end_sentence(budget.failure_reason)
    if budget.open_until > now and not budget.is_probing:
        yield (
            f"Its circuit is open until {write_utc(budget.open_until)}: {reason}"
            f" {resume} has its next effect try at once."
        )
    else:
        yield f"Its circuit is open, and one effect tries the vendor: {reason}"
