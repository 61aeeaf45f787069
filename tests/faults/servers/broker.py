"""What every broker of the harness can do, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from tests.faults.proxy import Proxy
from tests.faults.services import Service


class Broker(ABC):
    """A broker behind a proxy; runs until its `with` block ends.

    `url` is what the product is told (`CELERY_BROKER_URL`).
    """

    name: str
    url: str
    proxy: Proxy

    def __init__(self) -> None:
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.stack = stack
            self.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stack.close()

    @abstractmethod
    def start(self) -> None:
        """Start it and its proxy, with their ends on `self.stack`."""

    @abstractmethod
    def empty(self) -> None:
        """Lose every message that waits in it."""

    @abstractmethod
    def add_up(self) -> int:
        """Return how many messages wait in it. Raises what its client does while it is broken."""

    @abstractmethod
    def kill(self) -> None:
        """Have it dead, with its connections, until `revive`."""

    @abstractmethod
    def revive(self) -> None:
        """Have it run and answer, whether it was dead or not."""

    @abstractmethod
    def freeze(self) -> None:
        """Have it take connections and answer nothing until `thaw`."""

    @abstractmethod
    def thaw(self) -> None:
        """Have it go on, whether it was frozen or not."""

    def mend(self) -> None:
        """See to it that it runs and answers, whatever was done to it."""
        self.thaw()
        self.revive()
        self.proxy.forward()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Have it dead during the block, and running again after it."""
        self.kill()
        try:
            yield
        finally:
            self.revive()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it answer nothing during the block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Have each piece of data take so long on its way, there and back, during the block."""
        self.proxy.slow(seconds)
        try:
            yield
        finally:
            self.proxy.forward()


class ServerBroker(Broker):
    """A broker that is a server process of the harness's own."""

    _server: Service

    @abstractmethod
    def _wait(self) -> None:
        """Return when it answers."""

    def kill(self) -> None:
        """SIGKILL it."""
        self.proxy.refuse()
        self._server.put_down()

    def revive(self) -> None:
        """Start it, and wait until it answers."""
        self._server.start()
        self._wait()
        self.proxy.forward()

    def freeze(self) -> None:
        """SIGSTOP it."""
        self._server.freeze()

    def thaw(self) -> None:
        """SIGCONT to it."""
        self._server.thaw()
