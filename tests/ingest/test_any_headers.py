"""Whatever headers come with a delivery, the door answers with a verdict."""

import string
import uuid
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest.door import SECRET, Door
from tests.ingest.examples import rolled_back, through_the_door
from tests.signing import build_event, sign_as_sender

pytestmark = pytest.mark.django_db

# Control characters and line ends are not for headers: gunicorn refuses them.
header_texts = st.text(
    st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60
) | st.sampled_from(
    [
        "text/html; charset=utf-16",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "application/json; charset=no-such",
        "application/json; charset=\xe9.\xff",
        "a" * 8000,
        "gzip",
        "bytes=0-1",
        "; = ,",
        "for=unknown;proto=https",
    ]
)
header_names = st.sampled_from(
    [
        "CONTENT_TYPE",
        "HTTP_CONTENT_ENCODING",
        "HTTP_ACCEPT",
        "HTTP_ACCEPT_LANGUAGE",
        "HTTP_COOKIE",
        "HTTP_ORIGIN",
        "HTTP_REFERER",
        "HTTP_RANGE",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_HTTP_METHOD",
        "HTTP_AUTHORIZATION",
        "HTTP_X_WEBHOOK_SIGNATURE",
        "HTTP_X_WEBHOOK_TIMESTAMP",
        "HTTP_EXPECT",
        "HTTP_DATE",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_NONE_MATCH",
        "HTTP_X_REQUESTED_WITH",
        "REMOTE_ADDR",
        "QUERY_STRING",
        "HTTP_CONTENT_LENGTH",
        "HTTP_FORWARDED",
        "HTTP_USER_AGENT",
    ]
) | st.text(string.ascii_uppercase + "_", min_size=1, max_size=20).map(lambda name: f"HTTP_{name}")


@given(headers=st.dictionaries(header_names, header_texts, max_size=6))
@through_the_door
def test_any_headers(door: Door, headers: dict[str, str]) -> None:
    """Any headers beside, or in place of, the signature's are answered, and never with a 5xx."""
    headers.pop("HTTP_HOST", None)  # Django's own, short, 400
    body = build_event(event_id=str(uuid.uuid4()))
    signed = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in sign_as_sender(body, SECRET).items()
    }
    environment: dict[str, Any] = {"CONTENT_TYPE": "application/json", "wsgi.input": BytesIO(body)}
    environment |= {"CONTENT_LENGTH": str(len(body))}
    with rolled_back():
        answer = door.client.generic(
            "POST", f"/webhooks/{door.slug}/", **environment | signed | headers
        )
        assert answer.status_code in {202, 401, 411}
