"""Where a connection leads: to the address that was checked, under the name that was meant."""

from pathlib import Path
from threading import current_thread
from typing import Any

import httpcore
import pytest

from integrations.exceptions import AccessDenied, TemporaryFailure, Unreachable
from integrations.http import network
from integrations.http.network import Network, limit_time, resolve_name
from tests.fakes.server import Call, FakeServer, Reply
from tests.integrations.http.certificates import Authority
from tests.integrations.http.clients import MakeClient
from tests.integrations.http.peers import HEAD, answer, serve

PUBLIC = "93.184.215.14"

# Whatever a person or an attacker may write for this machine; the system's resolver knows them all.
LITERALS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "localhost",
    "LOCALHOST",
    "169.254.169.254",
    "[fe80::1]",
]


class Recording(httpcore.NetworkBackend):
    """Stands where the sockets are, and connects nowhere."""

    def __init__(self) -> None:
        self.called: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Note who is called."""
        self.called.append((host, port))
        raise httpcore.ConnectError


class Echo(FakeServer):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def handle(self, call: Call) -> Reply:
        """Answer with the name it was called by."""
        self.calls.append(call)
        return Reply(json={"host": call.headers["host"]})


@pytest.mark.parametrize("host", LITERALS)
def test_every_way_to_write_a_private_address_is_refused(
    host: str, open_client: MakeClient
) -> None:
    """What counts is the address that a connection would be made to."""
    with Echo() as echo:
        port = echo.url.rpartition(":")[2]
        client = open_client(f"http://{host}:{port}", public_only=True)
        client.network.sockets = recording = Recording()
        with pytest.raises(AccessDenied, match="not one of the public internet") as caught:
            client.send("GET", "/")
    assert host not in str(caught.value)
    assert recording.called == []


def test_name_that_answers_differently_the_second_time_gains_nothing(
    open_client: MakeClient,
) -> None:
    """The name is resolved once, and what was checked is what is called."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    client = open_client("http://rebinding.example.com:8080", public_only=True)
    client.network.resolve = lambda *_: next(answers)
    client.network.sockets = recording = Recording()
    with pytest.raises(Unreachable):
        client.send("GET", "/")
    assert recording.called == [(PUBLIC, 8080)]
    # And when the next connection meets the other answer, that is checked as well.
    with pytest.raises(AccessDenied):
        client.send("GET", "/")
    assert recording.called == [(PUBLIC, 8080)]


def test_name_with_a_private_address_among_others_is_refused_whole(
    open_client: MakeClient,
) -> None:
    """None of them is called: which one it would be was for the name's owner to choose."""
    for addresses in ([PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]):
        client = open_client("http://mixed.example.com", public_only=True)
        client.network.resolve = lambda *_, found=addresses: found
        client.network.sockets = recording = Recording()
        with pytest.raises(AccessDenied):
            client.send("GET", "/")
        assert recording.called == []


def test_private_address_may_be_called_where_that_is_allowed(open_client: MakeClient) -> None:
    """Vendors' clients, and services in one's own network."""
    with Echo() as echo:
        assert open_client(echo.url).send("GET", "/").status == 200


def test_checked_address_is_called_under_its_name(
    open_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Host` is the name's, though the connection is to the address."""
    checked: list[str] = []

    def pass_all(address: str) -> bool:
        checked.append(address)
        return True

    monkeypatch.setattr(network, "is_public", pass_all)
    with Echo() as echo:
        port = echo.url.rpartition(":")[2]
        client = open_client(f"http://service.example.com:{port}", public_only=True)
        client.network.resolve = lambda *_: ["127.0.0.1"]
        said = client.send("GET", "/").read_json()
    assert said == {"host": f"service.example.com:{port}"}
    assert checked == ["127.0.0.1"]


def test_certificate_is_asked_for_by_name_and_checked_against_it(
    open_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TLS means the name, whatever address it led to, and no other name will do."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    context = authority.make_server_context("service.example.com")
    asked: list[str] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    reply = answer(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
    with serve(reply, context) as port:
        for name in ("service.example.com", "other.example.com"):
            client = open_client(f"https://{name}:{port}")
            client.network.resolve = lambda *_: ["127.0.0.1"]
            if name == "service.example.com":
                assert client.send("GET", "/").status == 200
            else:
                with pytest.raises(Unreachable, match=r"The certificate of Acme is not one to"):
                    client.send("GET", "/")
    assert asked == ["service.example.com", "other.example.com"]


def test_certificate_of_an_unknown_authority_is_not_trusted(
    open_client: MakeClient, tmp_path: Path
) -> None:
    """Nobody in between can read what is sent, and the failure says what to look at."""
    context = Authority(tmp_path).make_server_context("service.example.com")
    with serve(answer(HEAD + b"\r\n"), context) as port:
        client = open_client(f"https://service.example.com:{port}")
        client.network.resolve = lambda *_: ["127.0.0.1"]
        with pytest.raises(Unreachable, match="The certificate of Acme is not one to trust"):
            client.send("GET", "/")


def test_proxy_of_the_environment_is_not_used(
    open_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is a .netrc: only the settings say where a key goes, and which."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Echo() as echo:
        assert open_client(echo.url).send("GET", "/").status == 200
    assert echo.calls[0].headers["authorization"] == "Bearer key-canary"


def test_addresses_keep_the_systems_order() -> None:
    """Each once, whatever protocols they are listed for."""
    assert list(resolve_name("127.0.0.1", 80)) == ["127.0.0.1"]


def test_nothing_is_begun_after_the_deadline() -> None:
    """A connection that would come too late is not even tried."""
    reached = Network(public_only=False)
    reached.sockets = recording = Recording()
    with limit_time(0), pytest.raises(httpcore.ConnectTimeout):
        reached.connect_tcp("127.0.0.1", 80, 5)
    assert recording.called == []


def test_hanging_resolver_does_not_keep_the_process(open_client: MakeClient) -> None:
    """Its thread is a daemon: a worker that is told to stop does not wait for the name."""
    daemons: list[bool] = []

    def resolve(*_: object) -> list[str]:
        daemons.append(current_thread().daemon)
        return []

    client = open_client("http://slow.example.com")
    client.network.resolve = resolve
    with pytest.raises(TemporaryFailure):
        client.send("GET", "/")
    assert daemons == [True]
