"""What went wrong with a request, in words that quote nothing of what was sent or answered.

httpx's own messages carry addresses with their queries and headers with their keys, so none of
them is passed on. Called by the client alone.
"""

import re
import ssl
from datetime import timedelta
from http import HTTPStatus

import httpcore
import httpx

from integrations.exceptions import (
    AccessDenied,
    IntegrationError,
    PermanentFailure,
    RateLimited,
    TemporaryFailure,
    Unreachable,
)
from integrations.http.answer import AnswerTooLarge, AnswerUnreadable
from integrations.http.network import AddressRefused, NameUnknown

UNANSWERED = (
    AddressRefused,
    AnswerTooLarge,
    AnswerUnreadable,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpx.HTTPError,
    httpx.StreamError,
)
"""What may be raised instead of a whole answer."""

CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""An error code that may be quoted; anything freer could be a part of what we sent."""

TEMPORARY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def explain_refusal(
    vendor: str, status: int, code: object, wait: timedelta | None
) -> IntegrationError:
    """Return what an answer means that is neither a success nor expected.

    `code` is what the vendor calls the error, quoted where it looks like an identifier; `wait` is
    how long it wants to be left alone.
    """
    quoted = f" ({code})" if isinstance(code, str) and CODE.fullmatch(code) else ""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(f"{vendor} has had enough requests for now{quoted}.", retry_after=wait)
    if status in DENIED:
        return AccessDenied(f"{vendor} denied access with status {status}{quoted}.")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return TemporaryFailure(
            f"{vendor} redirects to another address with status {status}, which is not followed:"
            " check the address in the settings."
        )
    if (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in TEMPORARY
    ):
        return PermanentFailure(f"{vendor} refused the request with status {status}{quoted}.")
    return TemporaryFailure(f"{vendor} failed with status {status}{quoted}.", retry_after=wait)


def explain_silence(vendor: str, place: str, error: Exception) -> IntegrationError:
    """Return what kept the answer from us; `error` is one of `UNANSWERED`.

    `place` is the host and port that were called.
    """
    named = name_within(vendor)
    match error:
        case AddressRefused():
            return AccessDenied(
                f"The address of {named} is not one of the public internet, which is all that"
                " the settings allow without ALLOW_PRIVATE_ADDRESSES."
            )
        case NameUnknown():
            return Unreachable(f"The name in the address of {named} is not known.")
        case httpcore.ConnectError(args=(ssl.SSLCertVerificationError(), *_)):
            return Unreachable(f"The certificate of {named} is not one to trust.")
        case httpcore.ConnectTimeout() | httpcore.ConnectError():
            return Unreachable(f"{vendor} could not be reached at {place}.")
        case AnswerTooLarge():
            said = f"{vendor} sent an answer that is too large."
        case AnswerUnreadable():
            said = f"{vendor} sent an answer that cannot be unpacked."
        case httpcore.TimeoutException():
            said = f"{vendor} did not answer in time."
        case _:
            said = f"The connection to {named} broke."
    return TemporaryFailure(said)


def name_within(vendor: str) -> str:
    """Return `vendor` as it is called within a sentence, which it may begin with its article."""
    return f"the {vendor.removeprefix('The ')}" if vendor.startswith("The ") else vendor
