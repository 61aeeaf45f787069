"""A sender as real ones are: `python -m tests.faults.sender`, in a process of its own.

It delivers each event when it is due, however slow the receiver is, over a bounded number of
connections; what finds none free waits, and its latency counts. What is not answered 2xx within
the time-out is delivered again in the same bytes, later and later, until it is. It is told its job
in the first line of its standard input, and after that when to send poisoned events.
"""

import argparse
import hashlib
import heapq
import hmac
import itertools
import json
import os
import random
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.traffic import Traffic, build_body, build_poison, plan_deliveries
from tests.faults.tries import NOT_CONNECTED, TIMED_OUT, Try

TIMEOUT = 5.0
"""Seconds for an answer, from the connection's beginning."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds before a delivery's second try, and the most that this grows to."""
CONNECTIONS = 32
READ_AND_WRITE = selectors.EVENT_READ | selectors.EVENT_WRITE
POISON_SHARE = 0.02
"""Of the rate, while the fault is on."""
LEAST_POISON = 1.0
"""Poisoned events a second, at least."""


@dataclass(slots=True)
class Delivery:
    """One delivery until it is acknowledged; `due` in Unix seconds."""

    event: tuple[int, int, int]
    """Conversation, part and edition; for a poisoned event its number."""
    copy: int
    due: float
    marker: str = ""
    tries: int = 0


@dataclass(slots=True, eq=False)
class Link:
    """One connection, and the delivery that is under way on it."""

    connection: socket.socket
    delivery: Delivery | None = None
    event_id: str = ""
    began: float = 0.0
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    answer: bytes = b""

    def read_status(self) -> int | None:
        """Return the answer's status once it is whole."""
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        if not separator:
            return None
        _, found, rest = head.lower().partition(b"content-length:")
        length = int(rest.split(b"\r\n", 1)[0]) if found else 0
        return int(head.split(b" ", 2)[1]) if len(body) >= length else None


class Sending:
    """All that is to be sent, is under way, or waits for its next try."""

    def __init__(self, orders: FileIO, url: str, secret: str, traffic: Traffic, log: Path) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._path, self._secret, self._traffic = parts.path, secret.encode(), traffic
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._selector = selectors.DefaultSelector()
        self._orders = orders
        self._selector.register(orders, selectors.EVENT_READ)
        self._plan = (
            Delivery((one.conversation, one.part, one.edition), one.copy, traffic.epoch + one.due)
            for one in plan_deliveries(traffic)
        )
        self._next = next(self._plan, None)
        self._ready: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._count = itertools.count()
        self._idle: list[Link] = []
        self._busy: set[Link] = set()
        self._markers: tuple[str, ...] = ()
        self._poisons = 0
        self._poison_due = 0.0
        self._is_stopped = False
        self._chance = random.Random(traffic.seed)  # noqa: S311 -- it is to be repeatable

    def run(self) -> None:
        """Send until all is acknowledged, or the harness says that it is enough."""
        while not self._is_stopped and (
            self._next or self._ready or self._later or self._busy or self._markers
        ):
            now = time.time()
            self._gather(now)
            while self._ready and self._begin(self._ready[0]):
                self._ready.popleft()
            self._give_up(now)
            for key, mask in self._selector.select(self._find_wait()):
                if key.data is None:
                    self._obey()
                else:
                    self._go_on(key.data, mask)

    def _gather(self, now: float) -> None:
        """Put what is due now into the queue."""
        while self._next is not None and self._next.due <= now:
            self._ready.append(self._next)
            self._next = next(self._plan, None)
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        if self._markers and self._poison_due <= now:
            marker = self._markers[self._poisons % len(self._markers)]
            self._ready.append(Delivery((self._poisons, 0, 0), 0, now, marker))
            self._poisons += 1
            self._poison_due = now + 1 / max(LEAST_POISON, self._traffic.rate * POISON_SHARE)

    def _find_wait(self) -> float:
        """Return how long nothing happens but answers, in seconds."""
        dues = [self._next.due] if self._next else []
        dues += [self._later[0][0]] if self._later else []
        return max(0.0, min([0.1, *(due - time.time() for due in dues)]))

    def _begin(self, delivery: Delivery) -> bool:
        """Send one delivery; returns False where no connection is free for it."""
        if not self._idle and len(self._busy) >= CONNECTIONS:
            return False
        number, part, edition = delivery.event
        event_id, body = (
            build_poison(self._traffic, number, delivery.marker)
            if delivery.marker
            else build_body(self._traffic, number, part, edition)
        )
        delivery.tries += 1
        is_connected = bool(self._idle)
        link = self._idle.pop() if is_connected else self._connect()
        link.delivery, link.event_id, link.began = delivery, event_id, time.time()
        link.unsent, link.answer = memoryview(self._sign(body)), b""
        self._busy.add(link)
        if is_connected:
            self._selector.modify(link.connection, READ_AND_WRITE, link)
            self._go_on(link, selectors.EVENT_WRITE)
        return True

    def _connect(self) -> Link:
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect_ex(self._address)  # what comes of it shows when it is written to
        link = Link(connection)
        self._selector.register(connection, READ_AND_WRITE, link)
        return link

    def _sign(self, body: bytes) -> bytes:
        """Return the request for `body`, signed as of now."""
        timestamp = str(int(time.time()))
        signature = hmac.new(self._secret, body + b"." + timestamp.encode(), hashlib.sha256)
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Webhook-Signature: {signature.hexdigest()}\r\n"
            f"X-Webhook-Timestamp: {timestamp}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _go_on(self, link: Link, mask: int) -> None:
        """Write or read what can be, and see whether the answer is there."""
        try:
            if mask & selectors.EVENT_WRITE and link.unsent:
                sent = link.connection.send(link.unsent)
                link.unsent = link.unsent[sent:]
                if not link.unsent:
                    self._selector.modify(link.connection, selectors.EVENT_READ, link)
            if mask & selectors.EVENT_READ:
                chunk = link.connection.recv(65536)
                if not chunk:
                    self._drop(link, NOT_CONNECTED)
                    return
                link.answer += chunk
        except BlockingIOError:
            return
        except OSError:
            self._drop(link, NOT_CONNECTED)
            return
        status = link.read_status()
        if status is None:
            return
        if link.unsent or b"connection: close" in link.answer.lower():
            self._drop(link, status)
            return
        self._settle(link, status)
        self._idle.append(link)

    def _give_up(self, now: float) -> None:
        """Give up what has waited for its answer for too long."""
        for link in [one for one in self._busy if now - one.began > TIMEOUT]:
            self._drop(link, TIMED_OUT)

    def _drop(self, link: Link, status: int) -> None:
        """Close a connection, and settle what was under way on it."""
        self._selector.unregister(link.connection)
        link.connection.close()
        if link in self._idle:
            self._idle.remove(link)
        if link.delivery is not None:
            self._settle(link, status)

    def _settle(self, link: Link, status: int) -> None:
        """Write the try down, and plan the next one unless it was acknowledged."""
        delivery, now = link.delivery, time.time()
        assert delivery is not None
        one = Try(
            link.event_id,
            delivery.copy,
            bool(delivery.marker),
            delivery.tries,
            delivery.due,
            link.began,
            now,
            status,
        )
        os.write(self._log, one.write().encode())
        self._busy.discard(link)
        link.delivery = None
        if not one.is_acked:
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (delivery.tries - 1))
            pause = longest * self._chance.uniform(0.5, 1)
            heapq.heappush(self._later, (now + pause, next(self._count), delivery))

    def _obey(self) -> None:
        """Do what the harness says: which markers to poison events with, or to end."""
        line = self._orders.readline()
        if not line.strip():
            self._is_stopped = True  # the harness is gone
            return
        order = json.loads(line)
        self._markers = tuple(order.get("markers", self._markers))
        self._is_stopped = bool(order.get("stop"))


def read_job(orders: FileIO) -> tuple[str, str, Traffic, Path]:
    """Return the address, the secret, the traffic and the log that the first line names."""
    job = json.loads(orders.readline())
    bursts = tuple((float(a), float(b), float(c)) for a, b, c in job["bursts"])
    traffic = Traffic(job["seed"], job["events"], job["rate"], job["epoch"], bursts)
    return job["url"], job["secret"], traffic, Path(job["log"])


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    # Without a buffer: what is in one would not show to `select`.
    standard_input = FileIO(0)
    Sending(standard_input, *read_job(standard_input)).run()
