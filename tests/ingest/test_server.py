"""What only a real server shows: how bytes on a connection become a request, or do not."""

import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import conninfo, create_database, django_on
from tests.ingest.door import SECRET
from tests.ingest.line import Line, chunked, connect, request
from tests.processes import Receiver, start_receiver
from tests.signing import build_event
from webhooks.models import Source

THREADS = 4
BODY_SECONDS = 2
LIMIT = 256 * 1024


@pytest.fixture(scope="module")
def database(database_template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the database of this module's receiver, with the source `demo`."""
    with create_database(database_template) as url:
        with django_db_blocker.unblock(), django_on(url):
            Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
        yield url


@pytest.fixture(scope="module")
def receiver(database: str) -> Iterator[Receiver]:
    """Return one process of gunicorn with few threads, so that a lost one would be missed."""
    with start_receiver(
        database,
        WEB_THREADS=str(THREADS),
        WEB_BODY_TIMEOUT=str(BODY_SECONDS),
        WEBHOOKS_MAX_BODY_BYTES=str(LIMIT),
        WEBHOOKS_SOURCE_CACHE="300",
    ) as running:
        yield running
        assert "Traceback" not in running.read_log()
        assert running.read_log().count("Booting worker") == 1


@pytest.fixture
def line(receiver: Receiver) -> Iterator[Line]:
    """Return a connection to the receiver; afterwards the receiver must still be all there."""
    with connect(receiver) as connected:
        yield connected
    with connect(receiver) as another:
        another.send(request(build_event()))
        assert another.receive().status == 202


def count_deliveries(url: str) -> int:
    """Return how many deliveries there are."""
    with psycopg.connect(conninfo(url)) as connection:
        row = connection.execute("SELECT count(*) FROM webhooks_delivery").fetchone()
    assert row is not None
    return int(row[0])


def test_connection_is_kept(line: Line) -> None:
    """Senders that keep their connection have it kept, whatever the verdicts."""
    body = build_event()
    for sent, word in [
        (request(body), "accepted"),
        (request(body), "duplicate"),
        (request(body + b" "), "conflict"),
        (request(body, signed=b"other"), "signature_mismatch"),
        (request(b"{}"), "invalid_event"),
        (request(build_event()), "accepted"),
    ]:
        line.send(sent)
        assert line.receive().word == word


def test_pipelined_requests_are_not_mixed_up(line: Line) -> None:
    """Requests that do not wait for their answers get each its own, in their order."""
    first, second = build_event(), build_event()
    line.send(request(first) + request(second))
    assert line.receive().word == "accepted"
    # HTTP has nobody pipeline behind a POST, and gunicorn goes on only when more bytes come.
    line.send(request(first))
    assert line.receive().word == "accepted"
    line.send(request(second))
    assert line.receive().word == "duplicate"


def test_request_in_single_bytes(line: Line) -> None:
    """A request that arrives byte by byte is the same request."""
    sent = request(build_event())
    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.send(*[sent[at : at + 1] for at in range(len(sent))])
    assert line.receive().status == 202


def test_chunked_body_is_refused(line: Line, database: str) -> None:
    """Without a length: 411, never a verdict on what Django takes for an empty body."""
    before = count_deliveries(database)
    body = build_event()
    changes = {"Content-Length": None, "Transfer-Encoding": "chunked"}
    sent = request(b"", changes, signed=body)
    line.send(sent + chunked(body))
    response = line.receive()
    assert (response.status, response.word) == (411, "length_required")
    assert count_deliveries(database) == before


@pytest.mark.parametrize("encoding", ["chunked", "identity", "gzip, chunked", "x", "chunked, x"])
def test_length_and_transfer_encoding_together(line: Line, database: str, encoding: str) -> None:
    """Two ways to say where a body ends are one too many: nothing is smuggled in behind it."""
    before = count_deliveries(database)
    body = b"0\r\n\r\n" + request(build_event())
    line.send(request(body, {"Transfer-Encoding": encoding}))
    line.socket.shutdown(socket.SHUT_WR)
    statuses = []
    while (response := line.receive()).status:
        statuses.append(response.status)
    assert statuses[0] in {400, 411, 501}
    assert not {200, 202} & set(statuses)
    assert count_deliveries(database) == before


@pytest.mark.parametrize("length", ["", "-1", "+5", "0x10", "1e3", "5, 5", "five", "9" * 30])
def test_odd_length(line: Line, database: str, length: str) -> None:
    """A length that is no number, or is astronomic, is refused by whoever sees it first."""
    before = count_deliveries(database)
    line.send(request(build_event(), {"Content-Length": length}))
    assert line.receive().status in {400, 411, 413}
    assert count_deliveries(database) == before


def test_two_lengths(line: Line) -> None:
    """Two lengths that differ are refused."""
    body = build_event()
    line.send(request(body, {"Content-Length": f"{len(body)}\r\nContent-Length: 5"}))
    assert line.receive().status == 400


def test_no_length_is_refused(line: Line) -> None:
    """A request without a length has no body, as HTTP has it: 411, not a mismatch."""
    line.send(request(b"", {"Content-Length": None}))
    response = line.receive()
    assert (response.status, response.word) == (411, "length_required")


def test_truncated_body_gets_no_verdict(line: Line, database: str) -> None:
    """A sender that hangs up in the middle leaves nothing behind, and learns that it was cut."""
    before = count_deliveries(database)
    body = build_event()
    line.send(request(body, {"Content-Length": str(len(body) + 1)}))
    line.socket.shutdown(socket.SHUT_WR)
    response = line.receive()
    assert (response.status, response.word) == (400, "body_incomplete")
    assert count_deliveries(database) == before


def test_body_that_is_longer_than_its_length(line: Line) -> None:
    """What comes after the length is not the body: the signature says so."""
    body = build_event()
    line.send(request(body, {"Content-Length": str(len(body) - 1)}))
    assert line.receive().word == "signature_mismatch"


@pytest.mark.parametrize("sends_it", [True, False], ids=["sent", "announced"])
def test_body_over_the_limit(line: Line, database: str, *, sends_it: bool) -> None:
    """Over the limit the answer is 413, and does not wait for the body."""
    before = count_deliveries(database)
    length = LIMIT + 1 if sends_it else 10**12
    line.send(request(b"x" * LIMIT + b"x" if sends_it else b"", {"Content-Length": str(length)}))
    response = line.receive()
    assert (response.status, response.word) == (413, "body_too_large")
    assert count_deliveries(database) == before


def test_after_a_body_over_the_limit(line: Line) -> None:
    """What follows an oversized body on its connection is never taken for a part of it."""
    too_large = b"x" * (LIMIT + 1)
    line.send(request(too_large))
    assert line.receive().status == 413
    try:
        line.send(request(build_event()))
        assert line.receive().status in {0, 202}
    except (ConnectionResetError, BrokenPipeError):
        pass  # closing is as good


def test_body_at_the_limit(line: Line) -> None:
    """A body of just the limit is taken in."""
    body = build_event()
    line.send(request(body + b" " * (LIMIT - len(body))))
    assert line.receive().status == 202


def test_sender_that_asks_first(line: Line) -> None:
    """A sender that waits for `100 Continue` before its body, as curl does, is told to go on."""
    body = build_event()
    sent = request(body, {"Expect": "100-continue"})
    line.send(sent[: -len(body)])
    assert line.receive().status == 100
    line.send(body)
    assert line.receive().status == 202


def test_http_1_0(line: Line) -> None:
    """HTTP/1.0 is spoken too, and its connection is closed."""
    line.send(request(build_event(), version="1.0"))
    assert line.receive().status == 202
    assert line.is_closed()


def test_sender_that_wants_no_connection_kept(line: Line) -> None:
    """`Connection: close` is honoured."""
    line.send(request(build_event(), {"Connection": "close"}))
    assert line.receive().status == 202
    assert line.is_closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"POST /webhooks/" + b"a" * 10_000 + b"/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /webhooks/demo/ HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 500 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_request(line: Line, sent: bytes) -> None:
    """Bytes that are no HTTP are refused or hung up on, never answered with a 5xx."""
    line.send(sent)
    line.socket.shutdown(socket.SHUT_WR)
    try:
        status = line.receive().status
    except ConnectionResetError:
        return
    assert status == 0 or 400 <= status < 500 or status == 505


@pytest.mark.parametrize(
    "path",
    [
        b"/webhooks/demo/?a=b",
        b"/webhooks/%64emo/",
        b"/webhooks/nobody/",
        b"/webhooks/demo%00/",
        b"/webhooks/%ff%fe/",
        b"/webhooks/../webhooks/demo/",
        b"//webhooks/demo/",
        b"/webhooks/" + b"a" * 60 + b"/",
        b"http://127.0.0.1/webhooks/demo/",
        b"*",
    ],
)
def test_any_path(line: Line, path: bytes) -> None:
    """An odd address leads to the source or to a 404, never to a redirect or a 5xx."""
    line.send(request(build_event()).replace(b"/webhooks/demo/", path, 1))
    assert line.receive().status in {202, 400, 404}


@pytest.mark.parametrize("host", ["", "evil.example", "a b", "\xff", "[::1"])
def test_any_host(line: Line, host: str) -> None:
    """Nothing of a delivery depends on the host it names: the signature says who sent it."""
    line.send(request(build_event(), {"Host": host}))
    assert line.receive().status == 202


def test_stalled_body_does_not_keep_a_thread(receiver: Receiver, line: Line) -> None:
    """As many stalled bodies as there are threads delay others for a moment, not for ever."""
    body = build_event()
    stalled = [Line(receiver.port) for _ in range(THREADS * 2)]
    for one in stalled:
        one.send(request(body)[:-5])
    started = time.monotonic()
    line.send(request(build_event()))
    assert line.receive().status == 202
    assert time.monotonic() - started < 5 * BODY_SECONDS
    for one in stalled:
        response = one.receive()
        assert (response.status, response.word) == (408, "body_too_slow")
        one.close()


def test_trickled_body_does_not_keep_a_thread(line: Line) -> None:
    """A body whose every byte comes in time, and its last one not, is given up as well."""
    started = time.monotonic()
    sent = request(build_event() + b" " * 1000)
    line.send(sent[:-1000])
    try:
        for at in range(1000):
            line.send(sent[-1000 + at :][:1])
            time.sleep(0.05)
            if time.monotonic() - started > BODY_SECONDS + 1:
                break
    except (BrokenPipeError, ConnectionResetError):
        return
    assert line.receive().word == "body_too_slow"
    assert time.monotonic() - started < 3 * BODY_SECONDS


def test_idle_connection_outlives_the_bodys_limit(line: Line) -> None:
    """The limit is on a body's time, not on a connection's."""
    line.send(request(build_event()))
    assert line.receive().status == 202
    time.sleep(BODY_SECONDS + 0.5)
    sent = request(build_event())
    line.send(sent[:50])
    time.sleep(0.2)
    line.send(sent[50:])
    assert line.receive().status == 202
