"""Answer in JSON what went wrong, and never with a 500 for what a client wrote."""

from typing import Any

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

logger = structlog.stdlib.get_logger("webhooks.api")


class PayloadGoneError(APIException):
    """The event is known and its body was removed."""

    status_code = status.HTTP_410_GONE
    default_detail = "The payload of this event is no longer stored."
    default_code = "payload_gone"


class DatabaseUnavailableError(APIException):
    """Postgres did not answer, or not within its time limit."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database did not answer in time. Try again, or with narrower filters."
    default_code = "database_unavailable"


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to what was raised while a request was served; called by REST framework.

    None where it is a fault of ours, which Django then logs and answers with 500.
    """
    if isinstance(error, DataError | SuspiciousOperation):
        # The API only reads, so what Postgres cannot take (a NUL, say) came with the request.
        problem = "The request holds a value that cannot be looked up."
        error = ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [problem]})
    elif isinstance(error, OperationalError | InterfaceError):
        logger.error("api_without_database", exc_info=error)
        error = DatabaseUnavailableError()
    return exception_handler(error, context)


def answer_unknown_address(_: HttpRequest) -> JsonResponse:
    """Answer 404 as the rest of the API does, where Django's own would be a page for people."""
    return JsonResponse({"detail": "Not found."}, status=404)
