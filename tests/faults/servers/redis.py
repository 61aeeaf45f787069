"""Redis as Debian packages it, which keeps nothing on disk: when it dies, its messages are gone."""

import os
import socket
from pathlib import Path

from config.broker import QUEUES
from tests.faults.proxy import Proxy
from tests.faults.servers.broker import ServerBroker
from tests.faults.servers.waiting import wait_until
from tests.faults.services import Service

PREFIX = "switchboard:"
"""What the product has Celery put before each key."""


class RedisBroker(ServerBroker):
    """Redis on a Unix socket, behind a proxy."""

    name = "redis"

    def __init__(self, folder: Path, log: Path) -> None:
        super().__init__()
        self._socket = folder / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._server = Service("redis", [*command, "--dir", str(folder)], os.environ, log)

    def start(self) -> None:
        """Start the server, then the proxy."""
        self.stack.callback(self._server.put_down)
        self.stack.callback(self._server.retire)
        self._server.start()
        self._wait()
        self.proxy = self.stack.enter_context(Proxy(str(self._socket)))
        self.url = f"redis://127.0.0.1:{self.proxy.port}/0"

    def empty(self) -> None:
        """Delete everything in it."""
        self._ask(b"FLUSHALL")

    def add_up(self) -> int:
        """Add up the lengths of the queues' lists."""
        return sum(
            int(self._ask(f"LLEN {PREFIX}{queue}".encode()).strip(b":\r\n") or 0)
            for queue in QUEUES
        )

    def _wait(self) -> None:
        wait_until(lambda: self._ask(b"PING").startswith(b"+PONG"), "Redis")

    def _ask(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self._socket))
            client.sendall(command + b"\r\n")
            return client.recv(1024)
