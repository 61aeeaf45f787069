"""Whatever bytes a client writes, also such as no document can describe, it never gets a 500."""

from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.factories import DeliveryFactory, EffectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows")]

PATHS = ("/api/v1/events/", "/api/v1/conversations/", "/api/v1/effects/")


@pytest.fixture
def rows() -> None:
    """Have something to be found by what is meant after all."""
    DeliveryFactory.create(event=EffectFactory.create().event)


# Each example asks for rows that stay as they are, so it need not have a database of its own.
many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(client: APIClient, address: str, **extra: Any) -> None:
    """Ask, and expect an answer in JSON that is no fault of the server's."""
    response = client.generic("GET", address, **extra)
    assert response.status_code in {200, 400, 404}, (address, response.status_code)
    assert response["Content-Type"].startswith("application/")


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
    assert set(response.json()["errors"]) == {"non_field_errors"}


@pytest.mark.parametrize("token", ["\0", "a\0b", "ä", "x" * 100000, "", "a b"])
def test_any_token_is_answered(token: str) -> None:
    """A token that cannot be one is refused like any other that is not known."""
    response = APIClient().get("/api/v1/events/", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert "json" in response["Content-Type"]
