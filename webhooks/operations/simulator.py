"""Be the sender: sign events, post them, and post them again where the receiver asks for that."""

import random
import threading
import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx
from django.utils import timezone

from webhooks.models import Source
from webhooks.operations.conversations import (
    SAMPLE,
    Shape,
    SimulatedConversation,
    SimulatedEvent,
    build_conversation,
)
from webhooks.operations.signer import Signer

TIMEOUT = 10.0
"""Seconds that the receiver may take for an answer."""
TRIES = 5
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
"""Seconds between two tries; a receiver's `Retry-After` is honoured up to the longest."""

# A proxy of the machine's environment has no business between us and ourselves.
OWN_ADDRESSES = ("127.0.0.1", "localhost", "[::1]")


class NotAcceptedError(httpx.HTTPError):
    """The receiver did not accept a genuine event; a caller handles it as it does httpx's."""


@dataclass(frozen=True, slots=True)
class SimulatedDelivery:
    """One delivery of an event, genuine unless it says otherwise.

    `is_tampered`: the body is changed after it was signed. `age`: how long ago it was signed, as
    by somebody who has kept it.
    """

    event: SimulatedEvent
    is_tampered: bool = False
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answered to a delivery, after `tries` tries that took `seconds`."""

    delivery: SimulatedDelivery
    http_status: int
    outcome: str
    reason: str
    tries: int
    seconds: float


class Sender:
    """A sender that posts to one address; used with `with`, from any number of threads."""

    def __init__(self, url: str, signer: Signer, concurrency: int = 1) -> None:
        self._url = url
        self._signer = signer
        self._concurrency = concurrency
        self._stopping = threading.Event()
        self._reached = threading.Event()
        self._client = httpx.Client(
            timeout=TIMEOUT,
            headers={"Content-Type": "application/json", "User-Agent": "switchboard-simulator"},
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            mounts={f"all://{address}": None for address in OWN_ADDRESSES},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def deliver(self, delivery: SimulatedDelivery) -> Answer:
        """Post the delivery, again after a pause while the receiver is away or answers 5xx.

        A receiver that nobody could connect to yet is not waited for: rather than away, it is
        not there. Returns the last answer. Raises httpx's `TransportError` where none came, and
        its `InvalidURL`.
        """
        started = time.perf_counter()
        pause = FIRST_PAUSE
        for tries in range(1, TRIES + 1):
            is_last = tries == TRIES or self._stopping.is_set()
            try:
                response = self._post(delivery)
            except httpx.TransportError as error:
                is_absent = isinstance(error, httpx.ConnectError) and not self._reached.is_set()
                if is_last or is_absent:
                    raise
                self._reached.set()
                self._stopping.wait(pause)
            else:
                self._reached.set()
                if response.is_server_error and not is_last:
                    self._stopping.wait(read_pause(response, pause))
                else:
                    return read_answer(delivery, response, tries, time.perf_counter() - started)
            pause = min(LONGEST_PAUSE, pause * 2)
        raise AssertionError("the last try returns or raises")  # pragma: no cover

    def deliver_all(self, deliveries: Iterable[SimulatedDelivery]) -> Generator[Answer]:
        """Deliver all, `concurrency` at a time, and yield the answers as they come.

        `deliveries` is read little by little, so it may be long. Ended early, by an error or by
        whoever asks for the answers, it finishes what is on its way and begins nothing more.
        """
        with ThreadPoolExecutor(self._concurrency, "sender") as pool:
            under_way: set[Future[Answer]] = set()
            try:
                for delivery in deliveries:
                    if len(under_way) >= 2 * self._concurrency:
                        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                    under_way.add(pool.submit(self.deliver, delivery))
                yield from (future.result() for future in as_completed(under_way))
            except BaseException:  # Ctrl-C too, and a caller who asks for no more answers
                self._stopping.set()
                for future in under_way:
                    future.cancel()
                raise

    def _post(self, delivery: SimulatedDelivery) -> httpx.Response:
        event = delivery.event
        headers = self._signer.sign(event.body, timezone.now() - delivery.age, event.event_id)
        body = tamper(event) if delivery.is_tampered else event.body
        return self._client.post(self._url, content=body, headers=headers)


def send_conversation(
    url: str,
    secret: str,
    *,
    source: Source | None = None,
    shape: Shape = SAMPLE,
    chance: random.Random | None = None,
) -> SimulatedConversation:
    """Post a conversation's three events to the receiver at `url`, and return what was sent.

    `url` is the source's whole address, `secret` one of its secrets; `source` says how to sign
    (as the sender's documentation has it where it is left out). Called by `make run` and tests.
    Raises `NotAcceptedError`, and whatever else httpx does.
    """
    conversation = build_conversation(timezone.now(), shape, chance)
    with Sender(url, Signer(secret, source or Source())) as sender:
        for event in conversation.events:
            answer = sender.deliver(SimulatedDelivery(event))
            if answer.outcome not in {"accepted", "duplicate"}:
                raise NotAcceptedError(
                    f"{url} answered {answer.http_status} {answer.reason or answer.outcome}"
                    f" to a {event.event_type}"
                )
    return conversation


def tamper(event: SimulatedEvent) -> bytes:
    """Return the event's body with one byte changed, so that it tells of another conversation."""
    place = event.body.index(event.conversation_uuid.encode())
    changed = b"1" if event.body[place : place + 1] == b"0" else b"0"
    return event.body[:place] + changed + event.body[place + 1 :]


def read_pause(response: httpx.Response, pause: float) -> float:
    """Return the seconds to wait before the next try, at least `pause`."""
    told = response.headers.get("Retry-After", "")
    return min(LONGEST_PAUSE, max(pause, float(told) if told.isdecimal() else 0.0))


def read_answer(
    delivery: SimulatedDelivery, response: httpx.Response, tries: int, seconds: float
) -> Answer:
    """Return what `response` says; one that is not the receiver's says nothing but its status."""
    try:
        content: Any = response.json()
    except ValueError:
        content = None
    said = content if isinstance(content, dict) else {}
    return Answer(
        delivery=delivery,
        http_status=response.status_code,
        outcome=str(said.get("status", "")),
        reason=str(said.get("reason", "")),
        tries=tries,
        seconds=seconds,
    )
