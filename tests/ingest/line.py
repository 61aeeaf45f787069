"""HTTP in single bytes, for what no client library would send."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.ingest.door import SECRET
from tests.processes import Receiver
from tests.signing import Headers, sign_as_sender


@dataclass(frozen=True, slots=True)
class Response:
    """What came back on a connection."""

    status: int
    head: str
    body: bytes

    @property
    def word(self) -> str:
        """What the receiver's JSON says has become of the delivery, or why it was rejected."""
        content = json.loads(self.body)
        return str(content.get("reason", content["status"]))


class Line:
    """A connection on which every byte is the test's own."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.read = self.socket.makefile("rb")

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self.socket.sendall(part)

    def receive(self) -> Response:
        """Read one response; its status is 0 where the server closed without a word."""
        status_line = self.read.readline().decode()
        if not status_line:
            return Response(0, "", b"")
        head = status_line
        while (line := self.read.readline().decode()).strip():
            head += line
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        body = self.read.read(int(length[1])) if length else b""
        return Response(int(status_line.split()[1]), head, body)

    def is_closed(self) -> bool:
        """Tell whether the server ends the connection, having said nothing more."""
        try:
            return self.read.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self.read.close()
        self.socket.close()


@contextmanager
def connect(receiver: Receiver) -> Iterator[Line]:
    """Connect, and hang up at the end."""
    connected = Line(receiver.port)
    try:
        yield connected
    finally:
        connected.close()


def request(
    body: bytes,
    changes: dict[str, str | None] | None = None,
    version: str = "1.1",
    signed: bytes | None = None,
) -> bytes:
    """Return a signed request's bytes; `changes` replaces headers, or with None leaves one out."""
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    signature: Headers = sign_as_sender(body if signed is None else signed, SECRET)
    headers |= signature | (changes or {})
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    head = "\r\n".join([f"POST /webhooks/demo/ HTTP/{version}", *lines])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 100) -> bytes:
    """Return `body` in HTTP's chunks."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
