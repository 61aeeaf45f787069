"""The base of all fake vendors: a real HTTP server that remembers, and misbehaves when told to.

    class FakeDesk(FakeServer):
        def handle(self, call: Call) -> Reply:
            self.tickets.append(call.read_json())
            return Reply(status=201, json={"id": len(self.tickets)})

    with FakeDesk() as fake:
        fake.drop_after()
        ...fake.url...

As a process of its own (`python -m tests.fakes.desk --port 8901`) it takes the same orders over
HTTP: `POST /_fake/faults` a fault's fields, `{"seed": 1, "chances": {"drop_after": 0.1}}`,
`{"limit": "190/10s"}`, `{"clear": true}` or what the vendor's fake takes of its own;
`GET /_fake/log`; `GET /_fake/state`, which waits until nothing is left to be applied late.
"""

import argparse
import signal
import time
from abc import ABC, abstractmethod
from datetime import timedelta
from threading import Event, RLock, Timer
from typing import Any, Self

from integrations.rates import Rate
from tests.fakes.calls import Call, Reply
from tests.fakes.faults import Fault, FaultName, Faults
from tests.fakes.listening import Listener
from tests.fakes.log import LogEntry, count_most

__all__ = ["Call", "FakeServer", "LogEntry", "Reply"]


class FakeServer(ABC):
    """One fake vendor on a port of the loopback address."""

    def __init__(self, port: int = 0) -> None:
        self.log: list[LogEntry] = []
        self.faults = Faults()
        self.crashes: list[Exception] = []
        """What `handle` raised; the test that ends with any fails."""
        self._limit: Rate | None = None
        self._admitted: list[float] = []
        self._late: list[Timer] = []
        self._lock = RLock()
        self._closing = Event()
        self._listener = Listener(port, self._answer)

    # ------------------------------------------------------------ what a vendor's fake writes

    @abstractmethod
    def handle(self, call: Call) -> Reply:
        """Do what the vendor does with `call`; never called by two threads at once."""

    def state(self) -> Any:
        """Return what the vendor holds, as JSON's own types; called under the same lock."""
        return None

    def arrange(self, _order: dict[str, Any]) -> bool:
        """Do an order that only this vendor takes; return whether it was one."""
        return False

    def make_limit_reply(self, retry_after: int | None) -> Reply:
        """Return the vendor's 429, with `Retry-After` in seconds where it is given."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Reply(status=429, json={"error": "rate limit"}, headers=headers)

    def make_error_reply(self, status: int) -> Reply:
        """Return the vendor's answer with the error `status`."""
        return Reply(status=status, json={"error": "told to fail"})

    # ------------------------------------------------------------ life

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.port}"

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.stop()
        for timer in self._late:
            timer.cancel()
        self.wait_for_late()
        if self.crashes:
            raise AssertionError("the fake itself crashed") from self.crashes[0]

    @classmethod
    def main(cls) -> None:
        """Run as a process until it is told to stop."""
        parser = argparse.ArgumentParser(description=cls.__doc__)
        parser.add_argument("--port", type=int, default=0)
        parser.add_argument("--rate", type=Rate.parse, help="such as 190/10s; more is a 429")
        chosen = parser.parse_args()
        stop = Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: stop.set())
        with cls(chosen.port) as fake:
            fake.limit(chosen.rate)
            print(fake.url, flush=True)  # noqa: T201 -- whoever started it reads it
            stop.wait()

    # ------------------------------------------------------------ orders

    def order(self, name: FaultName, **details: Any) -> None:
        """Let a fault strike; `details` are `Fault`'s fields, such as `times`."""
        self.faults.order(Fault(name=name, **details))

    def slow(self, seconds: float, **details: Any) -> None:
        """Apply the next request, but keep its answer back for `seconds`."""
        self.order("slow", seconds=seconds, **details)

    def rate_limit(self, retry_after: int | None = None, **details: Any) -> None:
        """Answer the next request with 429."""
        self.order("rate_limit", retry_after=retry_after, **details)

    def fail(self, status: int, **details: Any) -> None:
        """Answer the next request with `status` and apply nothing."""
        self.order("fail", status=status, **details)

    def fail_after(self, status: int = 500, **details: Any) -> None:
        """Apply the next request and answer with `status` all the same."""
        self.order("fail_after", status=status, **details)

    def drop_before(self, **details: Any) -> None:
        """Close the connection of the next request without applying it."""
        self.order("drop_before", **details)

    def drop_after(self, **details: Any) -> None:
        """Apply the next request, then close the connection without an answer."""
        self.order("drop_after", **details)

    def late(self, seconds: float, **details: Any) -> None:
        """Close the connection of the next request, and apply it `seconds` later."""
        self.order("late", seconds=seconds, **details)

    def wait_for_late(self) -> None:
        """Return when all that came to be applied late has been."""
        for timer in list(self._late):
            timer.join()

    def huge(self, **details: Any) -> None:
        """Apply the next request and answer with far too much."""
        self.order("huge", **details)

    def not_json(self, **details: Any) -> None:
        """Apply the next request and answer 200 with something that is not JSON."""
        self.order("not_json", **details)

    def html_error(self, **details: Any) -> None:
        """Answer the next request with a proxy's 502, a page of HTML."""
        self.order("html_error", **details)

    def redirect(self, location: str = "/elsewhere", **details: Any) -> None:
        """Send the next request elsewhere, with 307."""
        self.order("redirect", location=location, **details)

    def limit(self, rate: Rate | None) -> None:
        """Answer 429 to whatever is more than `rate` in any stretch of time; None for no limit."""
        with self._lock:
            self._limit = rate
            self._admitted = []

    def most_in(self, window: timedelta) -> int:
        """Return the most requests that arrived in any stretch of time as long as `window`."""
        return count_most([entry.at for entry in self.log], window)

    # ------------------------------------------------------------ answering

    def _answer(self, call: Call) -> Reply | None:
        """Return the reply to one request, or None to close the connection without any."""
        if call.path.startswith("/_fake/"):
            return self._take_order(call)
        at = time.monotonic()
        fault = self.faults.take(call.method, call.path)
        with self._lock:
            reply = self._refuse(fault) if self._admit(at) else self.make_limit_reply(None)
            admitted = reply is None
            applied = admitted and (fault is None or fault.name not in {"drop_before", "late"})
            if applied:
                reply = self._handle_safely(call)
            elif admitted and fault is not None and fault.name == "late":
                self._put_off(call, fault.seconds)
        if fault is not None and applied and reply is not None:
            reply = self._spoil(fault, reply)
        with self._lock:
            self.log.append(LogEntry(at, call.method, call.path, reply.status if reply else 0))
        return reply

    def _handle_safely(self, call: Call) -> Reply:
        try:
            return self.handle(call)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the fake is wrong
            self.crashes.append(error)
            return Reply(status=500, json={"error": "the fake itself crashed"})

    def _put_off(self, call: Call, seconds: float) -> None:
        def apply() -> None:
            with self._lock:
                self._handle_safely(call)

        timer = Timer(seconds, apply)
        timer.daemon = True
        self._late.append(timer)
        timer.start()

    def _admit(self, at: float) -> bool:
        if self._limit is None:
            return True
        start = at - self._limit.window.total_seconds()
        self._admitted = [known for known in self._admitted if known > start]
        if len(self._admitted) >= self._limit.requests:
            return False
        self._admitted.append(at)
        return True

    def _refuse(self, fault: Fault | None) -> Reply | None:
        """Return the reply of a fault that strikes before anything is applied."""
        if fault is None:
            return None
        match fault.name:
            case "rate_limit":
                return self.make_limit_reply(fault.retry_after)
            case "fail":
                return self.make_error_reply(fault.status)
            case "html_error":
                page = b"<html><body><h1>Bad Gateway</h1></body></html>"
                return Reply(status=502, body=page, headers={"Content-Type": "text/html"})
            case "redirect":
                return Reply(status=307, headers={"Location": fault.location})
            case _:
                return None

    def _spoil(self, fault: Fault, reply: Reply) -> Reply | None:
        """Return what becomes of the answer to a request that was applied."""
        match fault.name:
            case "slow":
                self._closing.wait(fault.seconds)
            case "drop_after":
                return None
            case "fail_after":
                return self.make_error_reply(fault.status)
            case "huge":
                return Reply(status=reply.status, body=b'{"x": "' + b"x" * HUGE + b'"}')
            case "not_json":
                return Reply(status=200, body=b"<!doctype html><p>Welcome!</p>")
        return reply

    def _take_order(self, call: Call) -> Reply:
        if call.path == "/_fake/log":
            return Reply(json=[[e.at, e.method, e.path, e.status] for e in list(self.log)])
        if call.path == "/_fake/state":
            self.wait_for_late()
            with self._lock:
                return Reply(json=self.state())
        if call.path != "/_fake/faults" or call.method != "POST":
            return Reply(status=404)
        match call.read_json():
            case {"clear": True}:
                self.faults.clear()
                self.limit(None)
            case {"limit": str(rate)}:
                self.limit(Rate.parse(rate))
            case {"seed": int(seed), "chances": dict(chances)} as drawn:
                self.faults.randomize(seed, chances, spared=drawn.get("spared", ""))
            case order:
                with self._lock:
                    is_arranged = self.arrange(order)
                if not is_arranged:
                    self.faults.order(Fault(**order))
        return Reply(status=204)


HUGE = 4 * 1024 * 1024
