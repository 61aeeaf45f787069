"""Where all effects end up: a service that keeps what it was asked, and misbehaves.

    python -m tests.faults.downstream --port 8700 --journal downstream.jsonl --seed 1

It may be killed at any time: what it has answered is on disk.
"""

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Self

from tests.faults.holdings import Holdings, Work
from tests.faults.misbehaviour import USUAL, Chances
from tests.faults.ports import choose_port
from tests.processes import BASE_DIR

REASONS = {200: "OK", 405: "-", 409: "-", 422: "-", 429: "-", 500: "-"}
START_SECONDS = 30.0


class Connection(asyncio.Protocol):
    """One connection, on which requests come one after the other."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Begin a request once it is whole."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.split(b"\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines)
        }
        length = int(headers.get(b"content-length", 0))
        if len(body) < length:
            return
        self._buffer = body[length:]
        if not lines[0].startswith(b"POST "):
            self._answer(405, b"{}")
            return
        work = self._holdings.begin(headers.get(b"idempotency-key", b"").decode(), body[:length])
        if isinstance(work, int):
            self._answer(work, b"{}")
        elif work.conduct.seconds:
            # Whether or not who asked is there still: a vendor that has begun goes on.
            asyncio.get_running_loop().call_later(work.conduct.seconds, self._finish, work)
        else:
            self._finish(work)

    def _finish(self, work: Work) -> None:
        body = self._holdings.finish(work)
        if work.conduct.status:
            self._answer(work.conduct.status, body)
        else:
            self._transport.abort()

    def _answer(self, status: int, body: bytes) -> None:
        extra = "Retry-After: 1\r\n" if status == 429 else ""
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


async def serve(port: int, holdings: Holdings) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Connection(holdings), "127.0.0.1", port)
    async with server:
        await ended.wait()


class Downstream:
    """The service as a process, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, seed: int = 0, chances: Chances = USUAL) -> None:
        self.journal = folder / "downstream.jsonl"
        self._port = choose_port()
        self._log = folder / "downstream.log"
        self._arguments = ["--port", str(self._port), "--journal", str(self.journal)]
        self._arguments += ["--seed", str(seed), "--chances", json.dumps(asdict(chances))]
        self._process: subprocess.Popen[bytes] | None = None
        self._is_retired = False
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def pid(self) -> int:
        """The process's, 0 where there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it where it is down, with what it had stored; return when it answers."""
        with self._lock:
            if self._is_retired or (self._process is not None and self._process.poll() is None):
                return
            process = self._process = self._launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, f"the downstream does not start:\n{self._log.read_text()}"
            time.sleep(0.05)

    def kill(self) -> bool:
        """End it by SIGKILL; tell whether it was there."""
        with self._lock:
            if self._process is None:
                return False
            was_there = self._process.poll() is None
            self._process.kill()
            self._process.wait()
            self._process = None
            return was_there

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_retired = True  # a fault may be mending still
        self.kill()

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.downstream", *self._arguments],
                cwd=BASE_DIR,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the harness, which ends it in its turn
            )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chances", type=json.loads, default={}, help="as JSON")
    options = parser.parse_args()
    chances = Chances(**options.chances)
    asyncio.run(serve(options.port, Holdings(options.journal, options.seed, chances)))


if __name__ == "__main__":
    main()
