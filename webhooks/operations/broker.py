"""Ask how the broker is, without ever waiting long for it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import psycopg
import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.stdlib.get_logger(__name__)

PATIENCE = 1.0
"""Seconds that the broker may hold up whoever asks."""
LIFETIME = 5.0
"""Seconds for which what was found is told again."""


def find_broker_errors() -> tuple[type[BaseException], ...]:
    """Return what the broker's client raises where the broker is not to be had.

    psycopg's own errors are among it, never those of Django's database: the broker in Postgres
    may also be there without its schema.
    """
    broker = current_app.connection_for_write()
    return (OperationalError, psycopg.Error, *broker.connection_errors, *broker.channel_errors)


def connect_to_broker() -> None:
    """Open a connection to the broker and close it. Raises `find_broker_errors()`."""
    with current_app.connection_for_write() as broker:
        # Not connect(), which would try again after two seconds.
        broker.ensure_connection(max_retries=0)


class BrokerProbe:
    """Tells whether the broker answers.

    The broker is asked in a thread of its own, once at a time and no more often than every
    `LIFETIME` seconds, however many ask here and however often.
    """

    def __init__(self, connect: Callable[[], None] = connect_to_broker) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._answer: Future[str] | None = None
        self._asked_at = 0.0

    def look(self) -> str:
        """Return "ok", "unreachable" or "no answer", after at most `PATIENCE` seconds."""
        with self._lock:
            now = time.monotonic()
            answer = self._answer
            if answer is None or (answer.done() and now - self._asked_at > LIFETIME):
                answer = self._answer = Future()
                self._asked_at = now
                threading.Thread(target=self._ask, args=[answer], daemon=True).start()
            patience = max(0.0, self._asked_at + PATIENCE - now)
        try:
            return answer.result(patience)
        except FutureTimeoutError:
            return "no answer"

    def _ask(self, answer: Future[str]) -> None:
        try:
            self._connect()
        except Exception as error:  # noqa: BLE001 -- nobody must be left waiting for the answer
            logger.warning("broker_not_reached", error_class=type(error).__name__)
            answer.set_result("unreachable")
        else:
            answer.set_result("ok")


broker_probe = BrokerProbe()
