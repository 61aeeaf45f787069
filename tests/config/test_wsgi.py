"""The WSGI callable: what Django's test client goes round."""

import io
from typing import Any

import pytest

from config.wsgi import application

# Each request first looks after the connection that an earlier test may have left open.
pytestmark = pytest.mark.django_db


def call(content_type: str, query: str) -> str:
    """Return the status of a GET with a claimed charset, as gunicorn would ask for it."""
    statuses: list[str] = []

    def start_response(status: str, _headers: Any, _error: Any = None) -> Any:
        statuses.append(status)

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/webhooks/nobody/",
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    b"".join(application(environ, start_response))
    return statuses[0]


@pytest.mark.parametrize("charset", ["hex", "rot13", "idna", "undefined", "punycode", "utf-7"])
def test_no_charset_that_a_request_claims_makes_it_a_500(charset: str) -> None:
    """Django would decode the query by it, before any view, and fail."""
    assert call(f"text/plain; charset={charset}", "a=1%41").startswith("405")


def test_a_request_without_a_content_type_is_answered_as_ever() -> None:
    """The wrapper does not depend on a header that may be missing."""
    assert call("", "").startswith("405")
