"""The sockets under a fake: HTTP/1.1 with connections that are kept, and a clean end."""

import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.calls import Call, Reply


class Listener:
    """Hands each request on `port` (0 for any) to `answer`, in its connection's own thread."""

    def __init__(self, port: int, answer: Callable[[Call], Reply | None]) -> None:
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.answer = answer
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and return when all threads have ended."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()


class Server(ThreadingHTTPServer):
    """Remembers its connections, so that the end does not wait for clients that keep theirs."""

    answer: Callable[[Call], Reply | None]
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection before its thread starts."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake up the threads that wait for another request."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        """Answer requests until a side closes; a client may leave in the middle."""
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        """Close the files; what a client that left was still to get is dropped."""
        with suppress(ConnectionError):
            super().finish()

    def handle_request(self) -> None:
        """Answer one request."""
        address = urlsplit(self.path)
        reply = self.server.answer(
            Call(
                method=self.command,
                path=address.path,
                query=dict(parse_qsl(address.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                connection=self.client_address[1],
            )
        )
        if reply is None:
            self.close_connection = True
            return
        body = reply.encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json", **reply.headers}
        if reply.status != 204:
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request  # noqa: N815 -- the base class's names

    def log_message(self, *_: object) -> None:
        """Keep quiet: the fake has a log of its own."""
