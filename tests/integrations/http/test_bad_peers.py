"""Whatever is at the other end, a request ends in time, in little memory, and in our words."""

import gzip
import socket
import tracemalloc
import zlib
from datetime import timedelta
from threading import Event

import pytest

from integrations.exceptions import TemporaryFailure, Unreachable
from integrations.http.client import Limits
from tests.contracts.vendor_contract import describe
from tests.integrations.http.clients import MakeClient
from tests.integrations.http.peers import (
    HEAD,
    PATIENCE,
    Behaviour,
    answer,
    drip,
    end_soon,
    keep_silent,
    never_read,
    reset,
    serve,
)

BOMB = gzip.compress(b"x" * 200_000_000)
GZIP = HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
DEFLATED = b"Content-Encoding: deflate\r\nConnection: close\r\n\r\n"
MUCH = b" " * 2_000_000
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

LATE = "Acme did not answer in time."
BROKEN = "The connection to Acme broke."
LARGE = "Acme sent an answer that is too large."
PACKED = "Acme sent an answer that cannot be unpacked."

PEERS: dict[str, tuple[Behaviour, str]] = {
    "never answers": (keep_silent, LATE),
    "drips its headers": (drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"), LATE),
    "drips whole headers": (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), LATE),
    "drips interim answers": (drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), LATE),
    "drips its body": (drip(HEAD + b"Content-Length: 1000\r\n\r\n", b" "), LATE),
    "drips chunks": (drip(CHUNKED, b"1\r\nx\r\n"), LATE),
    "drips packed nothing": (drip(GZIP + gzip.compress(b"")[:10], b"\0\0\0\xff\xff"), LATE),
    "closes at once": (lambda *_: None, BROKEN),
    "closes after the request": (answer(), BROKEN),
    "closes within the headers": (answer(b"HTTP/1.1 200 OK\r\nX: y"), BROKEN),
    "closes within the body": (answer(HEAD + b"Content-Length: 9\r\n\r\n{}"), BROKEN),
    "closes within a chunk": (answer(CHUNKED + b"9\r\n{}"), BROKEN),
    "resets within the body": (reset, BROKEN),
    "speaks something else": (answer(b"SSH-2.0-OpenSSH_9.2\r\n"), BROKEN),
    "sends bad chunks": (answer(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"), BROKEN),
    "sends two lengths": (
        answer(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        BROKEN,
    ),
    "sends endless headers": (answer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), BROKEN),
    "announces too much": (answer(HEAD + b"Content-Length: 2000000\r\n\r\n", MUCH), LARGE),
    "sends too much unannounced": (answer(HEAD, b"\r\n", MUCH), LARGE),
    "sends too much in chunks": (
        answer(CHUNKED, *[b"8000\r\n" + MUCH[:32768] + b"\r\n"] * 40),
        LARGE,
    ),
    "sends a bomb": (answer(GZIP, BOMB), LARGE),
    "sends broken gzip": (answer(GZIP, b"not gzip"), PACKED),
    "sends half of a gzip": (answer(GZIP, gzip.compress(b"{}" * 1000)[:15]), PACKED),
    "packs as it was not asked to": (answer(HEAD, DEFLATED, zlib.compress(b"{}")), PACKED),
    "switches protocols": (
        answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        BROKEN,
    ),
}


@pytest.mark.parametrize("name", PEERS)
def test_bad_peer_is_a_temporary_failure_in_our_words(name: str, open_client: MakeClient) -> None:
    """The failure says what happened, and quotes and chains nothing."""
    behave, said = PEERS[name]
    with serve(behave) as port:
        client = open_client(f"http://127.0.0.1:{port}")
        with pytest.raises(TemporaryFailure) as caught:
            client.send("POST", "/path-canary", params={"q": "query-canary"}, json={"x": "canary"})
    assert str(caught.value) == said
    assert caught.value.__context__ is None
    assert "canary" not in "".join(describe(caught.value))


@pytest.mark.parametrize("name", PEERS)
def test_client_works_on_after_a_bad_peer(name: str, open_client: MakeClient) -> None:
    """No connection that broke is used again, and none is missing afterwards."""
    turns = iter([PEERS[name][0]])
    good = answer(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")

    def behave(connection: socket.socket, over: Event) -> None:
        next(turns, good)(connection, over)

    with serve(behave) as port:
        client = open_client(f"http://127.0.0.1:{port}")
        with pytest.raises(TemporaryFailure):
            client.send("GET", "")
        assert client.send("GET", "").read_json() == {}


def test_large_request_that_nobody_reads_ends_in_time(open_client: MakeClient) -> None:
    """Writing has a limit as well."""
    with serve(never_read) as port:
        client = open_client(f"http://127.0.0.1:{port}", limits=Limits(read=0.2, total=60))
        with end_soon(), pytest.raises(TemporaryFailure, match=LATE):
            client.send("POST", "", content=b"x" * 50_000_000)


def test_request_that_is_read_slowly_ends_in_time(open_client: MakeClient) -> None:
    """A peer that takes a little now and then does not stretch the limit either."""

    def behave(connection: socket.socket, over: Event) -> None:
        while not over.wait(0.05) and connection.recv(200_000):
            pass

    with serve(behave) as port:
        client = open_client(f"http://127.0.0.1:{port}", limits=Limits(read=60, total=0.5))
        with end_soon(), pytest.raises(TemporaryFailure, match=LATE):
            client.send("POST", "", content=b"x" * 50_000_000)


def test_handshake_that_never_ends_ends_in_time(open_client: MakeClient) -> None:
    """A peer that accepts the connection and says nothing, where TLS was expected."""
    with serve(never_read) as port:
        client = open_client(f"https://127.0.0.1:{port}", limits=Limits(connect=60, total=0.3))
        with end_soon(), pytest.raises(Unreachable, match="could not be reached"):
            client.send("GET", "")


def test_dripping_handshake_ends_in_time(open_client: MakeClient) -> None:
    """Nor does one that is sent byte by byte."""

    def behave(connection: socket.socket, over: Event) -> None:
        connection.recv(1)
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not over.wait(0.02):
            connection.sendall(b"\0")

    with serve(behave) as port:
        client = open_client(f"https://127.0.0.1:{port}", limits=Limits(connect=60, total=0.3))
        with end_soon(), pytest.raises(Unreachable, match="could not be reached"):
            client.send("GET", "")


def test_resolution_that_never_ends_ends_in_time(open_client: MakeClient) -> None:
    """The system's resolver may hang for half a minute; the request does not."""
    over = Event()

    def resolve(*_: object) -> list[str]:
        over.wait(PATIENCE)
        return []

    client = open_client("http://slow.example.com", limits=Limits(connect=60, total=0.3))
    client.network.resolve = resolve
    with end_soon(), pytest.raises(Unreachable, match="could not be reached"):
        client.send("GET", "")
    over.set()


@pytest.mark.parametrize("limits", [Limits(read=60, total=0.3), Limits(read=0.3, total=60)])
def test_silence_ends_in_time(limits: Limits, open_client: MakeClient) -> None:
    """By the limit of one read or by that of all, whichever comes first."""
    with serve(keep_silent) as port:
        client = open_client(f"http://127.0.0.1:{port}", limits=limits)
        with end_soon(), pytest.raises(TemporaryFailure, match=LATE):
            client.send("GET", "")


def test_nobody_listening_is_unreachable(open_client: MakeClient) -> None:
    """A refused connection is known never to have reached the vendor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        open_client(f"http://127.0.0.1:{port}/secret").send("GET", "", params={"also": "secret"})
    assert str(caught.value) == f"Acme could not be reached at 127.0.0.1:{port}."


def test_next_address_is_tried_where_one_is_dead(open_client: MakeClient) -> None:
    """A name with several addresses is reached if any of them answers."""
    with serve(answer(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")) as port:
        client = open_client(f"http://service.example.com:{port}")
        client.network.resolve = lambda *_: ["127.0.0.2", "::1", "127.0.0.1"]
        assert client.send("GET", "").status == 200


@pytest.mark.parametrize("error", [OSError(), UnicodeError()], ids=["unknown", "impossible"])
def test_name_without_an_address_is_said_to_be_unknown(
    error: Exception, open_client: MakeClient
) -> None:
    """People can tell a mistyped name from a service that is down."""

    def resolve(*_: object) -> list[str]:
        raise error

    client = open_client("http://nowhere.example.com")
    client.network.resolve = resolve
    with pytest.raises(Unreachable, match="The name in the address of Acme is not known"):
        client.send("GET", "")


def test_bomb_is_not_unpacked(open_client: MakeClient) -> None:
    """Of 200 MB hardly more than the limit is ever in memory."""
    with serve(answer(GZIP + BOMB)) as port:
        client = open_client(f"http://127.0.0.1:{port}", limits=Limits(answer=1_000_000))
        tracemalloc.start()
        try:
            with pytest.raises(TemporaryFailure, match=LARGE):
                client.send("GET", "")
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_answer_of_exactly_the_limit_is_taken(open_client: MakeClient) -> None:
    """Plain and packed, the limit itself is allowed and one byte more is not."""
    limits = Limits(connect=2, read=2, total=5, answer=100_000)
    for size, fits in ((100_000, True), (100_001, False)):
        body = b"x" * size
        for sent in (HEAD + b"Connection: close\r\n\r\n" + body, GZIP + gzip.compress(body)):
            with serve(answer(sent)) as port:
                client = open_client(f"http://127.0.0.1:{port}", limits=limits)
                if fits:
                    assert client.send("GET", "").content == body
                else:
                    with pytest.raises(TemporaryFailure, match=LARGE):
                        client.send("GET", "")


@pytest.mark.parametrize("status", [b"204 No Content", b"200 OK"])
def test_answer_without_a_body_may_name_a_packing(status: bytes, open_client: MakeClient) -> None:
    """Some servers say gzip of nothing."""
    head = b"HTTP/1.1 " + status + b"\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"
    with serve(answer(head)) as port:
        assert open_client(f"http://127.0.0.1:{port}").send("GET", "").content == b""


def test_limits_are_what_the_documentation_says() -> None:
    """5 s to connect, 10 s for the next bytes, 25 s in all, 1 MiB."""
    assert Limits() == Limits(
        connect=5, read=10, total=25, answer=1_048_576, unsaid_wait=timedelta(seconds=10)
    )
