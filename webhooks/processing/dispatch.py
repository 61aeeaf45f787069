"""Hand events over to Celery without ever waiting for the broker on a request's time.

A message is a hint that an event may be due. Rows are the truth: a hint that is lost, late or sent
twice changes nothing but the time, since the sweep finds what is due and a claim admits one.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

import structlog
from celery import current_app
from kombu import Connection

logger = structlog.stdlib.get_logger(__name__)

PROCESS_EVENTS = "webhooks.processing.tasks.process_events"

HINT_GRACE = timedelta(seconds=10)
"""How long a hint may take to its worker before the sweep sends another."""

GATHER = 0.1
"""Seconds between two publications of a process: the first event after a quiet time goes out at
once, and under load a message costs the receiver a fraction of what one for each event would."""

LARGEST_HINT = 50
"""Events that one message stands for; small enough to be shared out among workers."""


class Publisher:
    """Sends hints for events from a thread of its own, as many in a message as have gathered.

    What the broker did not take is sent again. Bounded in memory: with the broker away, what does
    not fit is left to the sweep.
    """

    def __init__(self, capacity: int = 10_000, longest_pause: float = 5.0) -> None:
        self._waiting: deque[int] = deque()
        self._capacity = capacity
        self._longest_pause = longest_pause
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def hand_over(self, event_pk: int) -> bool:
        """Take the event in to be published soon; never blocks. Returns whether there was room."""
        with self._wake:
            if len(self._waiting) >= self._capacity:
                return False
            self._waiting.append(event_pk)
            if len(self._waiting) == 1:
                # Only then is the thread waiting; waking it for each event would cost more than
                # all the rest of this.
                self._wake.notify()
            if self._thread is None:
                # Not earlier: gunicorn forks its workers, and threads do not survive a fork.
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()
        return True

    def close(self, timeout: float) -> None:
        """Publish what is waiting, for at most `timeout` seconds, and end the thread."""
        with self._wake:
            self._closing.set()
            thread = self._thread
            self._wake.notify()
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        pause = 0.0
        connection: Connection | None = None
        while batch := self._gather():
            try:
                connection = connection or current_app.connection_for_write()
                send_events(batch, connection)
                self._drop(len(batch))
                pause = 0.0
                self._closing.wait(GATHER)
            except Exception as error:  # noqa: BLE001 -- whatever a broker's client raises, the thread goes on
                close_quietly(connection)
                connection = None
                pause = min(self._longest_pause, pause * 2 or 0.25)
                logger.warning(
                    "hint_not_published", events=len(batch), error_class=type(error).__name__
                )
                if self._closing.wait(pause):
                    break
        close_quietly(connection)

    def _gather(self) -> list[int]:
        """Wait for events and return them; none once the publisher is closing."""
        with self._wake:
            while not self._waiting and not self._closing.is_set():
                self._wake.wait()
            return list(self._waiting)

    def _drop(self, count: int) -> None:
        """Forget the first events, which have been published."""
        with self._wake:
            for _ in range(count):
                self._waiting.popleft()


def close_quietly(connection: Connection | None) -> None:
    """Give a connection up that may be broken already."""
    if connection is not None:
        try:
            connection.release()
        except Exception as error:  # noqa: BLE001 -- it is being given up, whatever it says
            logger.debug("broker_connection_not_closed", error_class=type(error).__name__)


publisher = Publisher()


def reset_publisher() -> None:
    """Begin anew in a forked process, where the parent's thread and connection are not ours."""
    global publisher  # noqa: PLW0603 -- one for each process is what this is about
    publisher = Publisher()


os.register_at_fork(after_in_child=reset_publisher)


def hand_over(event_pk: int) -> None:
    """Have a recorded event processed soon. Called after its transaction has committed."""
    publisher.hand_over(event_pk)


def send_events(event_pks: Sequence[int], connection: Connection | None = None) -> None:
    """Publish hints for events, `LARGEST_HINT` in a message.

    Raises what the broker's client does.
    """
    for start in range(0, len(event_pks), LARGEST_HINT):
        current_app.send_task(
            PROCESS_EVENTS,
            args=[list(event_pks[start : start + LARGEST_HINT])],
            queue="events",
            connection=connection,
            retry=False,
        )
