"""Read a request's body whole, or say why that cannot be done."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError


class UnreadableBodyError(Exception):
    """The body is not all there or too large: no verdict on its signature would mean anything.

    `status` is the HTTP status to answer, `reason` the word that says why.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read_body(request: HttpRequest) -> bytes:
    """Return the request's raw bytes, exactly as many as its Content-Length says.

    Raises `UnreadableBodyError`: 411 without a length (under WSGI, Django reads a chunked body
    as empty), 413 over `WEBHOOKS_MAX_BODY_BYTES` (judged before a byte is read), 400 where the
    connection ended early, 408 where the server's patience did.
    """
    length = read_length(request)
    if length > settings.WEBHOOKS_MAX_BODY_BYTES:
        raise UnreadableBodyError(413, "body_too_large")
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise UnreadableBodyError(413, "body_too_large") from error
    except (UnreadablePostError, OSError) as error:
        if isinstance(find_root(error), TimeoutError):
            raise UnreadableBodyError(408, "body_too_slow") from error
        raise UnreadableBodyError(400, "body_incomplete") from error
    if len(body) != length:
        raise UnreadableBodyError(400, "body_incomplete")
    return body


def read_length(request: HttpRequest) -> int:
    """Return the request's Content-Length in bytes."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        raise UnreadableBodyError(411, "length_required")
    text = request.META.get("CONTENT_LENGTH") or ""
    if not text:
        raise UnreadableBodyError(411, "length_required")
    if not (text.isascii() and text.isdigit()):
        raise UnreadableBodyError(400, "malformed_length")
    return int(text) if len(text) < len(str(2**63)) else 2**63


def find_root(error: BaseException) -> BaseException:
    """Return what the server raised: Django wraps it once for each of its layers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
