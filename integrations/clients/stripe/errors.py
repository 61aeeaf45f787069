"""What Stripe's refusals mean, in words of our own: its own quote what was sent."""

import re
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import stripe

from integrations.exceptions import (
    AccessDenied,
    IntegrationError,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
)

CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

DUPLICATE_CODE = "duplicate_meter_event"
DUPLICATE_MESSAGE = "An event already exists with identifier"
NO_METER_CODES = frozenset({"archived_meter", "no_meter"})
NO_METER_MESSAGE = "No active meter found"
NO_CUSTOMER_CODE = "meter_event_customer_not_found"
NO_CUSTOMER_MESSAGE = "No such customer"
# What a customer is that an event waits for, by either version of the API.
BUSY_CODES = frozenset({"lock_timeout", "too_many_concurrent_requests"})
BUSY_WAIT = timedelta(seconds=1)

T = TypeVar("T")


class KeyRejected(AccessDenied):
    """Stripe knows no such key, or knows it no longer."""


def call(ask: Callable[[], T]) -> T:
    """Return what `ask` returns; raise one of our own failures for each of the package's.

    The package's quote the answer, and with it what was sent.
    """
    try:
        return ask()
    except stripe.StripeError as error:
        failure = explain(error)
    except (AttributeError, LookupError, TypeError, ValueError):
        failure = make_odd_answer()
    # Outside of the except block: the error would come along as the context.
    raise failure


def explain(error: stripe.StripeError) -> IntegrationError:
    """Return what the package's error means, in words of our own."""
    code = find_code(error.json_body)
    message = error.user_message if isinstance(error.user_message, str) else ""
    if code in NO_METER_CODES or message.startswith(NO_METER_MESSAGE):
        return AccessDenied(
            "Stripe has no active meter with the event name of the setting EVENT_NAME: create or"
            " reactivate it."
        )
    if code == NO_CUSTOMER_CODE or message.startswith(NO_CUSTOMER_MESSAGE):
        return PermanentFailure(
            "Stripe does not know the customer: correct Switchboard's Stripe customers, then replay"
            " the failed events."
        )
    return make_refusal(error.http_status or 0, code)


def make_refusal(status: int, code: str = "") -> IntegrationError:
    """Return what a refusal with `status` and Stripe's error `code` means."""
    quoted = f" ({code})" if CODE.fullmatch(code) else ""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return KeyRejected(f"Stripe rejected the API key{quoted}.")
        case HTTPStatus.FORBIDDEN:
            return AccessDenied(f"Stripe says that the API key lacks a right{quoted}.")
        case HTTPStatus.CONFLICT if code in BUSY_CODES:
            return RateLimited(
                "Stripe takes one meter event of a customer's at a time.", retry_after=BUSY_WAIT
            )
        case HTTPStatus.BAD_REQUEST | HTTPStatus.NOT_FOUND:
            return PermanentFailure(f"Stripe refused the request with status {status}{quoted}.")
        case _:
            return TemporaryFailure(f"Stripe failed with status {status}{quoted}.")


def make_odd_answer() -> TemporaryFailure:
    """Return the failure for a success that does not say what it should."""
    return TemporaryFailure("Stripe answered with something else than was asked for.")


def is_duplicate(error: stripe.InvalidRequestError) -> bool:
    """Tell whether Stripe has an event with this identifier.

    The documented code is that of the second version of the API; the first one sends none, and is
    known by its message (https://github.com/langfuse/langfuse/pull/16292).
    """
    message = error.user_message or ""
    return find_code(error.json_body) == DUPLICATE_CODE or message.startswith(DUPLICATE_MESSAGE)


def find_code(body: Any) -> str:
    """Return Stripe's error code in an answer's JSON, empty where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def find_wait(body: Any) -> timedelta | None:
    """Return how long a 429 asks to wait whose body says why; a customer's turn is a short one."""
    return BUSY_WAIT if find_code(body) in BUSY_CODES else None
