"""Hand events over to Celery without ever waiting for the broker on a request's time.

A message is a hint that events may be due. Rows are the truth: a hint that is lost, late or sent
twice changes nothing but the time, since the sweep finds what is due and a claim admits one.
"""

import os
import threading

import structlog
from celery import current_app
from kombu import Connection

from webhooks.processing.hints import GATHER, send_hints

logger = structlog.stdlib.get_logger(__name__)


class Publisher:
    """Sends hints at events from a thread of its own, for all together that have come in.

    It knows how many, and not which. What the broker did not take is sent again, for as long as
    the process lives.
    """

    def __init__(self, longest_pause: float = 5.0) -> None:
        self._waiting = 0
        self._longest_pause = longest_pause
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def hand_over(self) -> None:
        """Have one more event hinted at soon; never blocks."""
        with self._wake:
            self._waiting += 1
            if self._waiting == 1:
                # Only then is the thread waiting; waking it for each event would cost more than
                # all the rest of this.
                self._wake.notify()
            if self._thread is None:
                # Not earlier: gunicorn forks its workers, and threads do not survive a fork.
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

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
        broker: Connection | None = None
        while events := self._gather():
            try:
                broker = broker or current_app.connection_for_write()
                send_hints({"events": events}, broker)
                self._drop(events)
                pause = 0.0
                self._closing.wait(GATHER)
            except Exception as error:  # noqa: BLE001 -- whatever a broker's client raises, the thread goes on
                close_quietly(broker)
                broker = None
                pause = min(self._longest_pause, pause * 2 or 0.25)
                logger.warning(
                    "hint_not_published", events=events, error_class=type(error).__name__
                )
                if self._closing.wait(pause):
                    break
        close_quietly(broker)

    def _gather(self) -> int:
        """Wait for events and return how many there are; none once the publisher is closing."""
        with self._wake:
            while not self._waiting and not self._closing.is_set():
                self._wake.wait()
            return self._waiting

    def _drop(self, events: int) -> None:
        """Forget so many events, which have been hinted at."""
        with self._wake:
            self._waiting -= events


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


def hand_over() -> None:
    """Have a recorded event processed soon. Called after its transaction has committed."""
    publisher.hand_over()
