"""The proxy before the brokers, in each of its moods."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[str]:
    """Run a server that says what it hears, and return its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        thread = threading.Thread(target=serve_echo, args=(listener,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def serve_echo(listener: socket.socket) -> None:
    """Say what is heard, on every connection, until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=say_back, args=(connection,), daemon=True).start()


def say_back(connection: socket.socket) -> None:
    """Say what is heard on one connection."""
    with connection:
        while heard := connection.recv(1024):
            connection.sendall(heard)


@pytest.fixture
def proxy(echo: str) -> Iterator[Proxy]:
    """Run a proxy before the echo."""
    with Proxy(echo) as running:
        yield running


@contextmanager
def connect(proxy: Proxy) -> Iterator[socket.socket]:
    """Connect to the proxy."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        yield client


def ask(client: socket.socket, seconds: float = 5.0) -> bytes:
    """Say something and return what comes back. Raises TimeoutError."""
    client.settimeout(seconds)
    client.sendall(b"hello")
    return client.recv(1024)


def test_everything_is_forwarded_both_ways(proxy: Proxy) -> None:
    """A client and the server behind the proxy hear each other."""
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_refusing_closes_what_is_open_and_refuses_what_is_new(proxy: Proxy) -> None:
    """A client sees what it sees of a broker that was killed, until it is back."""
    with connect(proxy) as client:
        assert ask(client) == b"hello"
        proxy.refuse()
        client.settimeout(5)
        assert client.recv(1024) == b""
    with pytest.raises(ConnectionRefusedError), connect(proxy):
        pass
    proxy.forward()
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_hanging_takes_connections_and_says_nothing_until_it_goes_on(proxy: Proxy) -> None:
    """Old and new connections stay open in silence, and nothing of what was said is lost."""
    with connect(proxy) as old:
        assert ask(old) == b"hello"
        proxy.hang()
        with connect(proxy) as new:
            for client in (old, new):
                with pytest.raises(TimeoutError):
                    ask(client, 0.2)
            proxy.forward()
            for client in (old, new):
                client.settimeout(5)
                assert client.recv(1024) == b"hello"


def test_slowness_is_added_on_the_way_there_and_on_the_way_back(proxy: Proxy) -> None:
    """Each piece of data takes as long as was asked for."""
    proxy.slow(0.1)
    with connect(proxy) as client:
        began = time.monotonic()
        assert ask(client) == b"hello"
        assert time.monotonic() - began >= 0.2


def test_one_side_that_hangs_up_is_passed_on_to_the_other(proxy: Proxy) -> None:
    """A client that closes leaves no connection behind."""
    with connect(proxy) as client:
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        assert client.recv(1024) == b""
