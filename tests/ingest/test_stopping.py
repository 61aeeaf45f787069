"""gunicorn that is told to end answers what it has begun, and what it answers is recorded."""

import socket
import time

from tests.ingest.door import SECRET
from tests.processes import start_receiver
from tests.signing import build_event, sign_as_sender
from webhooks.models import Event, Source

GRACE = 20.0


def test_delivery_whose_body_is_still_arriving_is_answered(own_database: str) -> None:
    """SIGTERM in the middle of a request: 202 and a row, and then the process is gone."""
    Source.objects.create(slug="demo", name="Demo").add_secret(SECRET)
    body = build_event()
    headers = sign_as_sender(body, SECRET) | {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with start_receiver(own_database) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=GRACE) as sender:
            sender.sendall(f"POST /webhooks/demo/ HTTP/1.1\r\n{head}\r\n".encode() + body[:10])
            time.sleep(0.5)  # until a thread waits for the rest
            receiver.process.terminate()
            time.sleep(1)
            sender.sendall(body[10:])
            assert sender.recv(65536).startswith(b"HTTP/1.1 202")
        assert receiver.process.wait(GRACE) == 0
    assert Event.objects.count() == 1
