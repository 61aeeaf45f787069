"""Peers that do not keep to HTTP: raw sockets, one behaviour each."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Behaviour = Callable[[socket.socket, Event], None]
"""What a peer does with a connection until the event says that the test is over."""

PATIENCE = 10.0
"""How long a peer keeps up its behaviour, in seconds; tests end it before."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def serve(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Yield the port of a peer on the loopback address."""
    over = Event()
    threads: list[Thread] = []

    def run(connection: socket.socket) -> None:
        # A client that has had enough breaks the connection, which is what it is to do.
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            if tls is None:
                behave(connection, over)
            else:
                with tls.wrap_socket(connection, server_side=True) as encrypted:
                    behave(encrypted, over)

    def accept(listener: socket.socket) -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                thread = Thread(target=run, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        accepting = Thread(target=accept, args=(listener,), daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            for thread in [accepting, *threads]:
                thread.join(PATIENCE + 5)


@contextmanager
def end_soon() -> Iterator[None]:
    """Assert that the block ends long before any peer would, or any limit but the one tested."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < PATIENCE / 2


def answer(*parts: bytes) -> Behaviour:
    """Return a behaviour that reads a request and sends `parts`, then closes."""

    def behave(connection: socket.socket, _: Event) -> None:
        read_request(connection)
        for part in parts:
            connection.sendall(part)

    return behave


def drip(head: bytes, drop: bytes, seconds: float = 0.05) -> Behaviour:
    """Return a behaviour that sends `head`, then `drop` again and again, never to an end."""

    def behave(connection: socket.socket, over: Event) -> None:
        read_request(connection)
        connection.sendall(head)
        while not over.wait(seconds):
            connection.sendall(drop)

    return behave


def keep_silent(connection: socket.socket, over: Event) -> None:
    """Take the request and never answer."""
    read_request(connection)
    over.wait(PATIENCE)


def never_read(_: socket.socket, over: Event) -> None:
    """Not even take the request."""
    over.wait(PATIENCE)


def reset(connection: socket.socket, _: Event) -> None:
    """Break the connection in the middle of an answer."""
    read_request(connection)
    connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def read_request(connection: socket.socket) -> None:
    """Take a whole request: closing with a part unread would break what is sent back, too."""
    received = b""
    while not is_whole(received):
        part = connection.recv(65536)
        if not part:
            return
        received += part


def is_whole(received: bytes) -> bool:
    """Return whether a request's head is there, and as much of a body as it announces."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)
