"""What HubSpot means when it does not do what it was asked.

Sources: HubSpot, "Error handling", https://developers.hubspot.com/docs/api-reference/error-handling
(every field of an error may be missing), and "API usage guidelines and limits",
https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from integrations.exceptions import IntegrationError, TemporaryFailure
from integrations.http.answer import Answer
from integrations.http.failures import CODE, explain_refusal
from integrations.http.rate_limits import read_retry_after

MIGRATION = 477
"""The account is being moved between data centres; takes up to a day, by its Retry-After."""
BUSY = frozenset({HTTPStatus.LOCKED, MIGRATION})

LOCKED_FOR = timedelta(seconds=2)

WAITS = {
    "SECONDLY": timedelta(seconds=1),  # the search's own limit
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
    # The day ends at midnight in the account's own time zone, which its key need not be allowed
    # to ask for. An hour is at most an hour too long, and 24 refused requests a day.
    "DAILY": timedelta(hours=1),
}

CONFLICTS = frozenset({"CONFLICT", "CONFLICTING_UNIQUE_VALUE", "STORAGE_UNIQUE_CONFLICT"})
# An error of one property may only be in the message's text, as JSON. What we sent may be quoted
# there too, but with its quotation marks escaped.
CONFLICT_IN_MESSAGE = re.compile(
    r'"error"\s*:\s*"(CONFLICTING_UNIQUE_VALUE|STORAGE_UNIQUE_CONFLICT)"'
)
PERMANENT = frozenset({"VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST", "INVALID_OPTION"})
SCOPE_LISTS = ("requiredGranularScopes", "requiredScopes", "missingScopes")


class Conflict(TemporaryFailure):
    """Another record has the unique value: somebody else was faster. It can be looked up now."""

    def __init__(self) -> None:
        super().__init__("HubSpot has another record with this value already.")


class Busy(TemporaryFailure):
    """HubSpot did not do what it was asked, and may be asked again later."""


def find_code(body: Any) -> str:
    """Return the most telling code of an error, empty where it has none."""
    for error in list_errors(body):
        for name in ("code", "category"):
            if isinstance(error.get(name), str):
                return str(error[name])
    return str(body.get("category") or body.get("errorType") or "")


def find_wait(body: Any) -> timedelta | None:
    """Return how long a 429 asks for that has no `Retry-After`, by the limit that was met."""
    policy = body.get("policyName")
    return WAITS.get(policy.upper()) if isinstance(policy, str) else None


def is_conflict(body: Any) -> bool:
    """Tell whether an error is about a value that another record has."""
    if not isinstance(body, dict):
        return False
    parts = (body, *list_errors(body))
    codes = [part.get(name) for part in parts for name in ("category", "code")]
    message = body.get("message")
    in_message = isinstance(message, str) and CONFLICT_IN_MESSAGE.search(message) is not None
    return in_message or any(isinstance(code, str) and code in CONFLICTS for code in codes)


def list_errors(body: Any, depth: int = 2) -> Iterator[dict[str, Any]]:
    """Yield the errors in a refusal or a partial success, the more exact ones first.

    In a partial success, each record's error has errors of its own.
    """
    errors = body.get("errors") if isinstance(body, dict) else None
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            if depth > 1:
                yield from list_errors(error, depth - 1)
            yield error


def build_refusal(answer: Answer) -> IntegrationError:
    """Return what a 400 or 409 means, or a 207 that has errors for the one record in it."""
    body = answer.read_json()
    if answer.status == HTTPStatus.CONFLICT or is_conflict(body):
        return Conflict()
    code = find_code(body) if isinstance(body, dict) else ""
    is_final = answer.status == HTTPStatus.BAD_REQUEST or code in PERMANENT
    status = HTTPStatus.BAD_REQUEST if is_final else HTTPStatus.INTERNAL_SERVER_ERROR
    return explain_refusal("HubSpot", status, code, None)


def build_busy_failure(answer: Answer) -> Busy:
    """Return what a locked record, or an account on the move, means."""
    wait = read_retry_after(answer.headers, datetime.now(UTC))
    if answer.status == MIGRATION:
        return Busy("HubSpot is moving this account's data.", retry_after=wait)
    return Busy("HubSpot has locked the record.", retry_after=wait or LOCKED_FOR)


def name_missing_scopes(body: Any) -> list[str]:
    """Return the scopes that a 403 asks for: one of them is enough, or all, it does not say."""
    contexts = [
        part.get("context") for part in (body, *list_errors(body)) if isinstance(part, dict)
    ]
    lists = [
        context.get(name)
        for context in contexts
        if isinstance(context, dict)
        for name in SCOPE_LISTS
    ]
    scopes = [scope for listed in lists if isinstance(listed, list) for scope in listed]
    return list(dict.fromkeys(s for s in scopes if isinstance(s, str) and CODE.fullmatch(s)))
