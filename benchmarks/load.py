"""A load generator that costs little beside the server it loads: `python -m benchmarks.load`.

It signs its requests before it starts, keeps its connections open, and has one request under way
on each. It prints its figures as JSON.
"""

import argparse
import hashlib
import hmac
import json
import random
import re
import selectors
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


def build_requests(path: str, secret: str, count: int, size: int) -> list[bytes]:
    """Return `count` signed requests, each with a new event of about `size` bytes."""
    chance = random.Random(1)  # noqa: S311 -- the same words in each run
    return [build_request(path, secret, build_transcript(chance, size)) for _ in range(count)]


def build_transcript(chance: random.Random, size: int) -> list[dict[str, str]]:
    """Return messages of about `size` bytes, in words that do not repeat as in a poor sample."""
    letters = "etaoinshrdlcumwfgypbvk"
    messages: list[dict[str, str]] = []
    while len(json.dumps(messages)) < size - 400:  # the envelope's part
        words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(30)]
        role = chance.choice(("user", "agent"))
        messages.append({"role": role, "message": " ".join(words), "timestamp": "10:00:00"})
    return messages


def build_request(path: str, secret: str, messages: list[dict[str, str]]) -> bytes:
    """Return one signed request with a new event."""
    body = json.dumps(
        {
            "event_id": str(uuid.uuid4()),
            "event_type": "conversation.ended",
            "created": datetime.now(UTC).isoformat(),
            "organization_uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "organization_name": "Benchmark",
            "data": {
                "conversation_uuid": str(uuid.uuid4()),
                "agent_uuid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                "status": "completed",
                "duration_seconds": 61,
                "messages": messages,
            },
        }
    ).encode()
    return sign_request(path, secret, body)


def sign_request(path: str, secret: str, body: bytes) -> bytes:
    """Return a request that posts `body`, signed as the sender signs, now."""
    timestamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), body + b"." + timestamp.encode(), hashlib.sha256)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Webhook-Signature: {signature.hexdigest()}\r\nX-Webhook-Timestamp: {timestamp}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Link:
    """One connection and the request that is under way on it."""

    connection: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""

    def receive(self) -> bytes | None:
        """Read what has come; return the answer once it is whole, which may take several reads."""
        chunk = self.connection.recv(65536)
        if not chunk:
            sys.exit("The server closed a connection.")
        self.answer += chunk
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not separator or length is None or len(body) < int(length.group(1)):
            return None
        answer, self.answer = self.answer, b""
        return answer


def run(port: int, requests: list[bytes], connections: int, rate: float = 0.0) -> dict[str, float]:
    """Send all `requests` over `connections` and return the figures.

    With `rate` they are sent that many a second, and latency counts from when each was due.
    """
    selector = selectors.DefaultSelector()
    idle = []
    for _ in range(connections):
        link = Link(socket.create_connection(("127.0.0.1", port), timeout=30))
        link.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(link.connection, selectors.EVENT_READ, link)
        idle.append(link)
        # All at once, they would be accepted by whichever process woke first, and the other
        # processors would have nothing to do.
        time.sleep(0.02)
    pending = iter(requests)
    latencies: list[float] = []
    sent = refused = 0
    started = time.perf_counter()
    while len(latencies) < len(requests):
        now = time.perf_counter()
        while idle and sent < len(requests) and (not rate or started + sent / rate <= now):
            link = idle.pop()
            link.sent_at = started + sent / rate if rate else now
            link.connection.sendall(next(pending))
            sent += 1
        wait = (
            max(0.0, started + sent / rate - now) if rate and idle and sent < len(requests) else 5
        )
        for key, _ in selector.select(wait):
            link = key.data
            answer = link.receive()
            if answer is None:
                continue
            refused += not answer.startswith(b"HTTP/1.1 202")
            latencies.append(time.perf_counter() - link.sent_at)
            idle.append(link)
    elapsed = time.perf_counter() - started
    latencies.sort()
    return {
        "per_second": len(requests) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "refused": refused,
    }


def send_load(
    port: int, secret: str, count: int, *, path: str = "/webhooks/bench/", rate: float = 0.0
) -> dict[str, float]:
    """Run this module in a process of its own, so that nothing else waits with it.

    Returns the figures of `run`. Ends the program where an event was not accepted.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.load", f"--port={port}", f"--path={path}"),
            *(f"--secret={secret}", f"--count={count}", f"--rate={rate}"),
        ],
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["refused"]:
        sys.exit(f"{figures['refused']:.0f} of {count} events to {path} were not accepted.")
    return figures


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.0)
    options = parser.parse_args()
    requests = build_requests(options.path, options.secret, options.count, options.size)
    print(json.dumps(run(options.port, requests, options.connections, options.rate)))


if __name__ == "__main__":
    main()
