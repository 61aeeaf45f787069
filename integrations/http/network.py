"""Connections that keep to one deadline, and that lead only to addresses that were checked.

A time-out of `httpx` bounds one operation: a vendor that sends a byte now and then holds a worker
for ever. Here every resolution, connection, handshake, read and write is cut to what is left.
"""

import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpcore

from integrations.http.addresses import is_public

Resolve = Callable[[str, int], Sequence[str]]
"""From a host's name and port to its addresses; raises `OSError`."""

_ends_at: ContextVar[float] = ContextVar("ends_at")


class AddressRefused(Exception):  # noqa: N818 -- says what happened, not that it did
    """A name leads to an address that is not public, where only those may be called."""


class NameUnknown(httpcore.ConnectError):
    """A name has no address."""


@contextmanager
def limit_time(seconds: float) -> Generator[None]:
    """Give all that is done over this module's connections in the block `seconds` together."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def cut_to_deadline(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float:
    """Return `timeout`, in seconds, or what is left if that is less; raise `expired` if nothing."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise expired
    return left if timeout is None else min(timeout, left)


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host`, in the order in which the system would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Network(httpcore.NetworkBackend):
    """Opens connections; `public_only` refuses a name that has any address that is not public."""

    def __init__(self, *, public_only: bool, resolve: Resolve = resolve_name) -> None:
        self.public_only = public_only
        self.resolve = resolve
        self.sockets: httpcore.NetworkBackend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> "TimedStream":
        """Connect to the first address of `host` that answers.

        Raises `AddressRefused`, or httpcore's `ConnectTimeout` or `ConnectError`.
        """
        addresses = self._resolve_in_time(host, port, timeout)
        # Refused as a whole: a name of the public internet has no business with a private address,
        # and taking its other one would leave it to chance what is called.
        if self.public_only and not all(is_public(address) for address in addresses):
            raise AddressRefused
        failure: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                # The address that was checked, not the name: that may lead elsewhere by now.
                stream = self.sockets.connect_tcp(
                    address,
                    port,
                    cut_to_deadline(timeout, httpcore.ConnectTimeout),
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream)
        raise failure

    def _resolve_in_time(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        """Resolve in a thread of its own, since the system's resolver knows no time limit."""
        outcome: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

        def resolve() -> None:
            try:
                outcome.put(self.resolve(host, port))
            except OSError as error:
                outcome.put(error)
            except UnicodeError:
                # Python's own way to refuse a name that the domain name system cannot hold.
                outcome.put(OSError())

        seconds = cut_to_deadline(timeout, httpcore.ConnectTimeout)
        Thread(target=resolve, name="resolve", daemon=True).start()
        try:
            addresses = outcome.get(timeout=seconds)
        except Empty:
            raise httpcore.ConnectTimeout from None
        if isinstance(addresses, OSError):
            raise NameUnknown
        return addresses


class TimedStream(httpcore.NetworkStream):
    """A connection whose every operation ends by the deadline of whoever uses it now."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has arrived, or wait for it."""
        return self._stream.read(max_bytes, cut_to_deadline(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer` piece by piece: the time-out bounds one piece, the deadline all of them."""
        for start in range(0, len(buffer), WRITTEN_AT_ONCE):
            piece = buffer[start : start + WRITTEN_AT_ONCE]
            self._stream.write(piece, cut_to_deadline(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "TimedStream":
        """Shake hands; Python's `ssl` counts the time-out over the whole handshake."""
        seconds = cut_to_deadline(timeout, httpcore.ConnectTimeout)
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore wants to know about the connection."""
        return self._stream.get_extra_info(info)


WRITTEN_AT_ONCE = 64 * 1024
"""The most bytes that one write hands over."""
