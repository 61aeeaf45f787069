"""Receivers to send to: the real one on its own database, and one that says what it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler

from config.wsgi import application
from tests.factories import SigningSecretFactory
from webhooks.ingest.sources import subscriptions

SECRET = "the-secret-of-the-demo"


@contextmanager
def serve(server: ThreadingHTTPServer | ThreadedWSGIServer) -> Iterator[str]:
    """Run the server in a thread, and give its address."""
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver(own_database: str) -> Iterator[str]:  # noqa: ARG001 -- it is what Django uses
    """Return the address of a receiver with the source `demo`."""
    subscriptions.clear()
    SigningSecretFactory.create(source__slug="demo", value=SECRET)
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(application)
    with serve(server) as url:
        yield url
    subscriptions.clear()


@dataclass(slots=True)
class ToldReceiver:
    """Answers with `statuses` in turn, the last one for ever, and keeps what it was sent."""

    statuses: list[int]
    retry_after: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Listen, and give the address."""
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                told.headers.append(dict(self.headers))
                status = told.statuses.pop(0) if len(told.statuses) > 1 else told.statuses[0]
                outcome = "accepted" if status == 202 else "rejected"
                content = json.dumps({"status": outcome, "reason": "told"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                if told.retry_after:
                    self.send_header("Retry-After", told.retry_after)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
            yield url
