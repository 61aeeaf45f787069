"""Whatever a client writes, it never gets a 500."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.factories import DeliveryFactory, EffectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows")]

PATHS = ("/api/v1/events/", "/api/v1/conversations/", "/api/v1/effects/")

NAMES = [
    "event_type",
    "status",
    "source",
    "conversation",
    "organization",
    "received_after",
    "received_before",
    "delivery_outcome",
    "integration",
    "event",
    "cursor",
    "page_size",
    "format",
    "lang",
    "version",
]

NASTY = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"%00",
    b"null",
    b"'; --",
    b"9" * 5000,
    b"x" * 50000,
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"9999-12-31T24:00:00Z",
    b"2026-02-30T00:00:00Z",
    b"a\r\nb",
    b"infinity",
    b"-infinity",
    b"Tp=1",
    b64encode(b"p=99999999999999999999"),
    b64encode(b"o=99999999999999999999&r=1&p=5"),
    b64encode(b"o=5&r=-3"),
    b64encode(b"p=%00"),
]


@pytest.fixture
def rows() -> None:
    """Have something to be found by what is meant after all."""
    DeliveryFactory.create(event=EffectFactory.create().event)


values = st.binary(max_size=60) | st.sampled_from(NASTY) | st.text(max_size=40).map(str.encode)
# Each example asks for rows that stay as they are, so it need not have a database of its own.
many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(client: APIClient, address: str, **extra: Any) -> None:
    """Ask, and expect an answer in JSON that is no fault of the server's."""
    response = client.generic("GET", address, **extra)
    assert response.status_code in {200, 400, 404}, (address, response.status_code)
    assert response["Content-Type"].startswith("application/")


@many
@given(
    path=st.sampled_from(PATHS),
    parameters=st.dictionaries(st.sampled_from(NAMES), values, min_size=1, max_size=3),
)
@example(path=PATHS[0], parameters={"cursor": b64encode(b"p=\0")})
def test_any_value_of_any_parameter_is_answered(
    reader: APIClient, path: str, parameters: dict[str, bytes]
) -> None:
    """200 or 400, whatever bytes a parameter has."""
    check(reader, f"{path}?{urlencode(parameters)}")


@pytest.mark.parametrize("path", [*PATHS, "/api/schema/"])
@pytest.mark.parametrize("value", NASTY)
def test_nasty_values_are_answered_for_every_parameter(
    reader: APIClient, path: str, value: bytes
) -> None:
    """Each known nastiness meets each parameter of each list, and the OpenAPI document's."""
    for name in NAMES:
        check(reader, f"{path}?{urlencode({name: value})}")


@many
@given(path=st.sampled_from(PATHS), query=st.binary(max_size=200))
def test_any_query_is_answered(reader: APIClient, path: str, query: bytes) -> None:
    """Also where it is not even a list of parameters."""
    check(reader, path, QUERY_STRING=query.decode("latin-1"))


@many
@given(path=st.sampled_from(PATHS), name=st.binary(min_size=1, max_size=60))
def test_any_name_of_a_row_is_answered(reader: APIClient, path: str, name: bytes) -> None:
    """200 or 404, whatever bytes stand in the place of the name."""
    check(reader, f"{path}{quote_from_bytes(name, safe='')}/")


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "unicode_escape", "idna", "none"])
def test_the_charset_of_a_body_has_no_say_in_how_the_query_is_read(
    reader: APIClient, charset: str
) -> None:
    """A query is UTF-8; another codec makes of it what neither JSON nor Postgres can hold."""
    for path in (*PATHS, "/api/schema/"):
        for query in ("format=json", "status=+2AA-", "conversation=\\ud800", "organization=+2AA-"):
            check(reader, path, QUERY_STRING=query, content_type=f"text/plain; charset={charset}")


def test_too_many_parameters_are_refused_in_json(reader: APIClient) -> None:
    """Django's own limit is answered as all mistakes are."""
    query = "&".join(f"a{number}=1" for number in range(1100))
    response = reader.get(f"/api/v1/events/?{query}")
    assert response.status_code == 400
    assert set(response.json()) == {"non_field_errors"}


@pytest.mark.parametrize("token", ["\0", "a\0b", "ä", "x" * 100000, "", "a b"])
def test_any_token_is_answered(token: str) -> None:
    """A token that cannot be one is refused like any other that is not known."""
    response = APIClient().get("/api/v1/events/", headers={"Authorization": f"Token {token}"})
    assert response.status_code in {400, 401}
    assert "json" in response["Content-Type"]
