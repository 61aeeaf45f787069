"""What a client sends, returns and raises, with a vendor that speaks HTTP as it should."""

import gc
import logging
import tomllib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

from integrations.exceptions import (
    AccessDenied,
    IntegrationError,
    PermanentFailure,
    TemporaryFailure,
)
from integrations.http.client import USER_AGENT, Limits
from tests.contracts.vendor_contract import describe
from tests.fakes.server import Reply
from tests.integrations.http.clients import KEY, MakeClient, make_client
from tests.integrations.http.vendor import Vendor
from tests.processes import BASE_DIR


def test_request_arrives_as_it_was_given(vendor: Vendor, open_client: MakeClient) -> None:
    """Method, path, query, headers and body."""
    client = open_client(f"{vendor.url}/api/")
    answer = client.send(
        "PUT", "/things/a%2Fb", params={"q": "ü &"}, json={"emoji": "🎧"}, headers={"X-One": "1"}
    )
    assert (answer.status, answer.read_json()) == (200, {"id": 1})
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("PUT", "/api/things/a%2Fb", {"q": "ü &"})
    assert call.read_json() == {"emoji": "🎧"}
    assert call.headers["content-type"] == "application/json"
    assert call.headers["authorization"] == KEY
    assert call.headers["x-one"] == "1"
    assert call.headers["user-agent"] == USER_AGENT


def test_address_is_used_as_it_stands_where_there_is_no_path(
    vendor: Vendor, open_client: MakeClient
) -> None:
    """A slash at its end stays, and so does a query: they may be what the service goes by."""
    for address in ("/hooks", "/hooks/", "/hooks?token=1", "/hooks/?token=1"):
        open_client(f"{vendor.url}{address}").send("POST", "", content=b"{}")
    assert [(call.path, dict(call.query)) for call in vendor.calls] == [
        ("/hooks", {}),
        ("/hooks/", {}),
        ("/hooks", {"token": "1"}),
        ("/hooks/", {"token": "1"}),
    ]


def test_version_is_the_projects() -> None:
    """Vendors' support asks for it."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert f"Switchboard/{project['version']}" == USER_AGENT


def test_path_cannot_leave_the_vendor(open_client: MakeClient) -> None:
    """Nothing that is glued to the address makes another host of it."""
    client = open_client("http://api.example.com")
    for path in ("@evil.example.com/", ".evil.example.com/", ":80@evil.example.com"):
        with pytest.raises(ValueError, match="begins with a slash"):
            client.send("GET", path)


STATUSES: dict[int, type[IntegrationError]] = {
    300: TemporaryFailure,
    301: TemporaryFailure,
    302: TemporaryFailure,
    304: TemporaryFailure,
    307: TemporaryFailure,
    308: TemporaryFailure,
    400: PermanentFailure,
    401: AccessDenied,
    402: PermanentFailure,
    403: AccessDenied,
    404: PermanentFailure,
    405: PermanentFailure,
    408: TemporaryFailure,
    409: PermanentFailure,
    410: PermanentFailure,
    413: PermanentFailure,
    422: PermanentFailure,
    425: TemporaryFailure,
    451: PermanentFailure,
    500: TemporaryFailure,
    501: TemporaryFailure,
    502: TemporaryFailure,
    503: TemporaryFailure,
    504: TemporaryFailure,
    599: TemporaryFailure,
    600: TemporaryFailure,
    999: TemporaryFailure,
}


@pytest.mark.parametrize("status", STATUSES)
def test_status_means(status: int, vendor: Vendor, open_client: MakeClient) -> None:
    """Each status is the failure that the documentation names, once, without a try of its own."""
    vendor.reply = Reply(status=status, json={"message": "words-canary"})
    with pytest.raises(IntegrationError) as caught:
        open_client(vendor.url).send("POST", "/", json={})
    assert type(caught.value) is STATUSES[status]
    assert str(status) in str(caught.value)
    assert "canary" not in "".join(describe(caught.value))
    assert len(vendor.log) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207, 299])
def test_success_is_any_2xx(status: int, vendor: Vendor, open_client: MakeClient) -> None:
    """What it means in detail is for the backend to read."""
    vendor.reply = Reply(status=status)
    assert open_client(vendor.url).send("POST", "/", json={}).status == status


@pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 500])
def test_expected_status_is_returned(status: int, vendor: Vendor, open_client: MakeClient) -> None:
    """A backend that knows what a refusal means gets to see it."""
    vendor.reply = Reply(status=status, json={"code": "x"})
    answer = open_client(vendor.url).send("GET", "/", accept={status})
    assert (answer.status, answer.read_json()) == (status, {"code": "x"})


@pytest.mark.parametrize("place", ["/elsewhere", "http://127.0.0.1:1/", "//evil.example.com/"])
def test_redirect_is_not_followed(place: str, vendor: Vendor, open_client: MakeClient) -> None:
    """Neither here nor elsewhere: the key and the data go where the settings say."""
    vendor.reply = Reply(status=307, headers={"Location": place})
    with pytest.raises(TemporaryFailure, match="check the address in the settings"):
        open_client(vendor.url).send("POST", "/", json={})
    assert [call.path for call in vendor.calls] == ["/"]


def test_code_of_an_error_is_quoted(vendor: Vendor, open_client: MakeClient) -> None:
    """It says what is wrong, without a word of the payload."""
    vendor.reply = Reply(status=400, json={"category": "VALIDATION_ERROR"})
    client = open_client(vendor.url, find_code=lambda body: body["category"])
    with pytest.raises(PermanentFailure, match=r"with status 400 \(VALIDATION_ERROR\)\.$"):
        client.send("POST", "/", json={})


@pytest.mark.parametrize(
    "body",
    [
        {"category": "not a code"},
        {"category": "x" * 65},
        {"category": "+4930123"},
        {"category": ["X"]},
        {"category": None},
        {"other": 1},
        ["X"],
        "X",
        7,
        None,
    ],
)
def test_what_does_not_look_like_a_code_is_not_quoted(
    body: Any, vendor: Vendor, open_client: MakeClient
) -> None:
    """Nor does an odd shape hide the failure behind another one."""
    vendor.reply = Reply(status=400, body=msgspec.json.encode(body))
    client = open_client(vendor.url, find_code=lambda body: body["category"])
    with pytest.raises(PermanentFailure, match=r"^Acme refused the request with status 400\.$"):
        client.send("POST", "/", json={})


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a": 1} x', b'"\xed\xa0\x80"'],
    ids=["nothing", "HTML", "half", "bytes", "NaN", "deep", "more", "surrogate"],
)
def test_answer_that_is_not_json_is_a_temporary_failure(
    body: bytes, vendor: Vendor, open_client: MakeClient
) -> None:
    """A proxy's page, or half of an answer, says nothing about what the vendor did."""
    vendor.reply = Reply(body=body)
    answer = open_client(vendor.url).send("GET", "/")
    with pytest.raises(TemporaryFailure, match="Acme answered with something that is not JSON"):
        answer.read_json()


def test_connections_are_kept_and_shared(vendor: Vendor, open_client: MakeClient) -> None:
    """One request after another goes over one connection, from whichever thread."""
    client = open_client(vendor.url)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(8):
            threads.submit(client.send, "GET", "/").result()
    assert len({call.connection for call in vendor.calls}) == 1


def test_threads_do_not_meet(vendor: Vendor, open_client: MakeClient) -> None:
    """Eight threads that start together, the first use included, each get their own answers."""
    client = open_client(vendor.url, limits=Limits())
    barrier = Barrier(8, timeout=10)
    vendor.handle = lambda call: Reply(json=call.query["n"])  # type: ignore[method-assign]

    def ask(thread: int) -> list[str]:
        barrier.wait()
        return [
            client.send("GET", "/", params={"n": f"{thread}.{turn}"}).read_json()
            for turn in range(20)
        ]

    with ThreadPoolExecutor(8) as threads:
        for thread, answers in enumerate(threads.map(ask, range(8), timeout=60)):
            assert answers == [f"{thread}.{turn}" for turn in range(20)]


def test_no_cookie_is_kept(vendor: Vendor, open_client: MakeClient) -> None:
    """What a vendor says with one effect is not told with the next one."""
    vendor.reply = Reply(headers={"Set-Cookie": "session=1; Path=/"})
    client = open_client(vendor.url)
    for _ in range(2):
        client.send("GET", "/")
    assert "cookie" not in vendor.calls[1].headers


def test_closed_client_opens_again(vendor: Vendor, open_client: MakeClient) -> None:
    """Closing gives up connections, not the client."""
    client = open_client(vendor.url)
    for _ in range(2):
        assert client.send("GET", "/").status == 200
        client.close()
    assert len({call.connection for call in vendor.calls}) == 2


def test_forgotten_client_closes_its_connections(vendor: Vendor) -> None:
    """A backend that the registry drops leaves no socket behind: pytest would say so."""
    make_client(vendor.url).send("GET", "/")
    gc.collect()


def test_connection_that_the_vendor_closed_meanwhile_is_not_used(
    vendor: Vendor, open_client: MakeClient
) -> None:
    """A vendor that hangs up after each answer costs no failure."""
    vendor.reply = Reply(headers={"Connection": "close"})
    client = open_client(vendor.url)
    for _ in range(5):
        assert client.send("GET", "/").status == 200


def test_nothing_is_logged(
    vendor: Vendor, open_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Of httpx, which writes addresses at INFO, and httpcore, which writes headers at DEBUG."""
    caplog.set_level(logging.DEBUG)
    open_client(f"{vendor.url}/canary").send("GET", "/x", params={"number": "+4930123"})
    assert [record for record in caplog.records if record.name.startswith("http")] == []


def test_nothing_shows_the_key(open_client: MakeClient) -> None:
    """A traceback's variables are the places where keys are found."""
    client = open_client("http://127.0.0.1:1")
    assert "canary" not in repr(client)
