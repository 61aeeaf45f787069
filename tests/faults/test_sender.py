"""The sender behaves as a real one: in time, in the same bytes, and until it is acknowledged."""

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.faults.sending import Sender
from tests.faults.traffic import Traffic, plan_deliveries
from tests.faults.tries import NOT_CONNECTED, TIMED_OUT, Try, TryReader
from tests.signing import hmac_sha256

SECRET = "secret"
Answer = Callable[[int], int]
"""The status of an event's n-th request, from 1; 0 closes the connection."""


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as the sender makes."""

    request_queue_size = 64


class Receiver:
    """A receiver that keeps each request, by its body."""

    def __init__(self, answer: Answer) -> None:
        self.requests: dict[bytes, list[float]] = defaultdict(list)
        self.forged = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers["X-Webhook-Timestamp"]
                signature = hmac_sha256(SECRET.encode(), body + b"." + stamp.encode()).hex()
                is_fresh = abs(time.time() - int(stamp)) < 2
                outer.forged += signature != self.headers["X-Webhook-Signature"] or not is_fresh
                outer.requests[body].append(time.time())
                status = answer(len(outer.requests[body]))
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/x/"


@contextmanager
def receiving(answer: Answer) -> Iterator[Receiver]:
    """Run a receiver for the block."""
    receiver = Receiver(answer)
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


def send_all(url: str, traffic: Traffic, folder: Path, seconds: float) -> list[Try]:
    """Send until all is acknowledged, or for so long; return the tries."""
    with Sender(url, SECRET, traffic, folder) as sender:
        deadline = time.monotonic() + seconds
        while not sender.is_done and time.monotonic() < deadline:
            time.sleep(0.05)
    return list(TryReader(sender.log).read())


def build_traffic(events: int = 30, rate: float = 60.0) -> Traffic:
    """Return traffic that began so long ago that all of it is due."""
    return Traffic(seed=1, events=events, rate=rate, epoch=time.time() - 60)


def test_each_delivery_is_sent_signed_and_once_where_it_is_acknowledged(tmp_path: Path) -> None:
    """And each event arrives."""
    traffic = build_traffic()
    with receiving(lambda _: 202) as receiver:
        tries = send_all(receiver.url, traffic, tmp_path, 20)
    assert len(tries) == len(plan_deliveries(traffic)) == sum(map(len, receiver.requests.values()))
    assert len(receiver.requests) == len({one.event_id for one in tries})
    assert {one.status for one in tries} == {202}
    assert receiver.forged == 0


def test_what_is_not_acknowledged_comes_again_in_the_same_bytes_signed_anew(tmp_path: Path) -> None:
    """After an error, and after a connection that broke; later each time."""
    with receiving(lambda number: {1: 503, 2: 0}.get(number, 202)) as receiver:
        tries = send_all(receiver.url, build_traffic(3), tmp_path, 20)
    for times in receiver.requests.values():
        assert len(times) >= 3
        assert times[1] - times[0] > 0.4
        assert times[2] - times[1] > 0.9
    assert {one.status for one in tries} == {503, NOT_CONNECTED, 202}
    assert receiver.forged == 0


def test_receiver_that_answers_nothing_is_given_up_and_does_not_stop_the_sender(
    tmp_path: Path,
) -> None:
    """Where it hangs, each try ends with the time-out; what is due goes on being due."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        tries = send_all(url, build_traffic(3), tmp_path, 7)
    assert tries
    assert {one.status for one in tries} == {TIMED_OUT}
    assert all(4.9 < one.ended - one.began < 6 for one in tries)


def test_latency_counts_from_when_a_delivery_was_due(tmp_path: Path) -> None:
    """A receiver that was away for a while is not excused."""
    with receiving(lambda _: 202) as receiver:
        tries = send_all(receiver.url, build_traffic(3), tmp_path, 20)
    assert all(one.latency > 30 for one in tries)


def test_poisoned_events_are_sent_while_it_is_told_to(tmp_path: Path) -> None:
    """With each marker by turns, and marked in the log."""
    traffic = Traffic(seed=1, events=3, rate=60.0, epoch=time.time())
    with receiving(lambda _: 202) as receiver:
        with Sender(receiver.url, SECRET, traffic, tmp_path) as sender:
            sender.poison(("one", "two"))
            time.sleep(3)
            sender.poison(())
            deadline = time.monotonic() + 15
            while not sender.is_done:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        bodies = list(receiver.requests)
    poisoned = [one for one in TryReader(sender.log).read() if one.is_poison]
    assert 2 <= len(poisoned) <= 8
    for marker in (b'"one"', b'"two"'):
        assert any(marker in body for body in bodies)


def test_poison_that_comes_after_the_last_event_ends_nothing(tmp_path: Path) -> None:
    """Faults may go on for longer than there is something to send."""
    with receiving(lambda _: 202) as receiver:
        with Sender(receiver.url, SECRET, build_traffic(1), tmp_path) as sender:
            deadline = time.monotonic() + 15
            while not sender.is_done:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            sender.poison(("one",))
        assert not any(b'"one"' in body for body in receiver.requests)
