"""Call the integration for one effect, and put what came of it into words."""

from dataclasses import dataclass
from typing import Any, cast

import msgspec
import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from integrations.base import Alias, Result
from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.registry import get_backend
from integrations.text import StorableText, make_storable
from webhooks.models import Attempt, Effect
from webhooks.processing.requests import load_request

logger = structlog.stdlib.get_logger("webhooks.attempt")

UNDECLARED = "{name}, which the integration does not declare; the log of the time says where."


class Fault(TemporaryFailure):
    """A fault of ours, which says nothing about the vendor."""


@dataclass(frozen=True, slots=True)
class Verdict(StorableText):
    """What came of an attempt; what a vendor says may hold characters that Postgres refuses.

    There is a `result` where it succeeded, a `preview` where it was a dry run, a `failure` where
    it failed for now, and none of them where it failed for good.
    """

    outcome: Attempt.Outcome
    result: Result | None = None
    preview: dict[str, Any] | None = None
    failure: TemporaryFailure | None = None
    error_class: str = ""
    error: str = ""


def apply_effect(effect: Effect) -> Verdict:
    """Call the integration; whatever it does, return what came of it.

    An unknown exception may carry payload in its message, so only its class is kept.
    """
    try:
        backend = get_backend(cast("Alias", effect.integration))
        request = load_request(effect)
        if backend.options.dry_run:
            preview = clean(msgspec.to_builtins(backend.preview(request)))
            return Verdict(Attempt.Outcome.DRY_RUN, preview=preview)
        return Verdict(Attempt.Outcome.SUCCEEDED, result=backend.apply(request))
    except PermanentFailure as error:
        return Verdict(
            Attempt.Outcome.PERMANENT, error_class=type(error).__name__, error=str(error)
        )
    except TemporaryFailure as error:
        return fail_for_now(type(error).__name__, error)
    except SoftTimeLimitExceeded:
        seconds = settings.WEBHOOKS_TASK_TIME_LIMIT.total_seconds()
        words = f"The integration took longer than {seconds:g} s."
        return fail_for_now("TimeLimit", TemporaryFailure(words))
    except Exception as error:
        logger.exception("unexpected_error", idempotency_key=effect.idempotency_key)
        name = type(error).__name__
        return fail_for_now(name, Fault(UNDECLARED.format(name=name)))


def fail_for_now(error_class: str, failure: TemporaryFailure) -> Verdict:
    """Return the verdict on an attempt after which another may succeed."""
    return Verdict(
        Attempt.Outcome.TEMPORARY, failure=failure, error_class=error_class, error=str(failure)
    )


def clean(value: Any) -> Any:
    """Return JSON's own types with their texts made storable, however deep they are."""
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return make_storable(value)
