"""Say what went wrong as RFC 9457 asks for it, and never with a 500 for what a client wrote."""

import math
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.http.response import JsonResponse
from django.urls import resolve
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

logger = structlog.stdlib.get_logger("webhooks.api")

MEDIA_TYPE = "application/problem+json"
URN = "urn:switchboard:problem:"

KINDS: Mapping[int, tuple[str, str]] = {
    400: ("invalid-request", "Something in the request cannot be meant."),
    401: ("not-authenticated", "Nobody is logged in, or the token does not hold."),
    403: ("permission-denied", "A permission is missing."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This method cannot be used here."),
    406: ("not-acceptable", "The answer cannot be had in the form that is accepted."),
    409: ("conflict", "There is nothing to do, it is so already, or the key is another request's."),
    410: ("payload-gone", "What was said is no longer stored."),
    413: ("body-too-large", "The body is too large."),
    415: ("unsupported-media-type", "The body is not application/json."),
    429: ("too-many-requests", "Asked too often."),
    500: ("fault", "Something went wrong here."),
    503: ("database-unavailable", "The database did not answer in time."),
}
"""The last part of each `type`, and its title, by the status that it comes with."""


class ConflictError(APIException):
    """What is asked for is so already, can be done to nothing, or has another request's key."""

    status_code = 409
    default_code = "conflict"


class PayloadGoneError(APIException):
    """The event is known and its body was removed."""

    status_code = 410
    default_detail = "The payload of this event is no longer stored."
    default_code = "payload_gone"


class BodyTooLargeError(APIException):
    """The request's body is larger than any that can be meant."""

    status_code = 413
    default_code = "body_too_large"


class DatabaseUnavailableError(APIException):
    """Postgres did not answer, or not within its time limit."""

    status_code = 503
    default_detail = "The database did not answer in time. Try again, or with narrower filters."
    default_code = "database_unavailable"

    def __init__(self) -> None:
        super().__init__()
        self.wait = settings.WEBHOOKS_RETRY_AFTER.total_seconds()


def answer_error(error: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """Return the answer to what was raised while a request was served; called by REST framework.

    None where it is a fault of ours.
    """
    if isinstance(error, DataError | SuspiciousOperation):
        # Nothing that we make up is written, so what Postgres cannot take came with the request.
        problem = "The request holds a value that cannot be looked up."
        error = ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [problem]})
    elif isinstance(error, OperationalError | InterfaceError):
        logger.error("api_without_database", exc_info=error)
        error = DatabaseUnavailableError()
    elif isinstance(error, Http404):
        # Django's own says which model it has looked in.
        error = Http404("There is none of this name.")
    told = exception_handler(error, context)
    if told is None:
        return None
    # A validation's detail is what is wrong by field; of a body that is no JSON it is a sentence.
    fields = told.data
    if set(fields) == {"detail"} and not isinstance(fields["detail"], list):
        detail = str(fields["detail"])
        fields = {api_settings.NON_FIELD_ERRORS_KEY: [detail]}
    else:
        detail = "What is wrong stands in `errors`, by parameter or field."
    answer = build_problem(
        told.status_code,
        detail,
        fields if told.status_code == 400 else None,  # noqa: PLR2004 -- as KINDS
    )
    for name, value in told.headers.items():
        if name != "Content-Type":
            answer[name] = value
    wait = getattr(error, "wait", None)
    if wait:
        answer["Retry-After"] = str(math.ceil(wait))
    return answer


def answer_fault(request: HttpRequest, error: Exception) -> JsonResponse:
    """Log a fault of ours as Django does, and answer 500 without a word of it."""
    got_request_exception.send(sender=None, request=request)
    answer = build_problem(500, "It was logged, and is not the request's fault.")
    log_response(
        "%s: %s",
        answer.reason_phrase,
        request.path,
        response=answer,
        request=request,
        exception=error,
    )
    return answer


# REST framework's views are exempt, too: a page's token means nothing to a program.
@csrf_exempt
def answer_unknown_address(request: HttpRequest) -> HttpResponseBase:
    """Answer 404 as the rest of the API does, where Django's own would be a page for people.

    An address that only lacks its final slash leads to the one that has it, with the method and
    the body as they are: Django's own redirect would make a GET of a POST.
    """
    if not request.path_info.endswith("/"):
        found = resolve(f"{request.path_info}/")
        if found.func is not answer_unknown_address:
            target = request.get_full_path(force_append_slash=True)
            return HttpResponsePermanentRedirect(target, preserve_request=True)
    return build_problem(404, "There is no such address.")


def build_problem(
    status: int, detail: str, errors: Mapping[str, Any] | None = None
) -> JsonResponse:
    """Return an answer that says what is wrong: `errors` by field, where it is about fields."""
    name, title = KINDS[status]
    told = {"type": f"{URN}{name}", "title": title, "status": status, "detail": detail}
    if errors is not None:
        told["errors"] = errors
    return JsonResponse(told, status=status, content_type=MEDIA_TYPE)
