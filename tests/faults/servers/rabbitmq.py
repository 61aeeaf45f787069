"""RabbitMQ as Debian packages it, with a node, a port mapper and a data folder of its own."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kombu import Connection

from config.broker import QUEUES
from tests import rabbitmq
from tests.faults.ports import choose_port
from tests.faults.proxy import Proxy
from tests.faults.servers.broker import ServerBroker
from tests.faults.servers.waiting import wait_until
from tests.faults.services import Service


class RabbitMQBroker(ServerBroker):
    """RabbitMQ behind a proxy; its quorum queues outlive it."""

    name = "rabbitmq"

    def __init__(self, folder: Path, log: Path) -> None:
        super().__init__()
        self._port, mapper = choose_port(), choose_port()
        environment = os.environ | rabbitmq.build_environment(
            folder, self._port, choose_port(), mapper
        )
        self._mapper = Service("epmd", rabbitmq.build_mapper_command(mapper), environment, log)
        self._server = Service("rabbitmq", rabbitmq.build_command(), environment, log)

    def start(self) -> None:
        """Start the mapper and the server, then the proxy."""
        for service in (self._mapper, self._server):
            self.stack.callback(service.put_down)
            self.stack.callback(service.retire)
            service.start()
        self._wait()
        self.proxy = self.stack.enter_context(Proxy(f"127.0.0.1:{self._port}"))
        self.url = f"amqp://guest:guest@127.0.0.1:{self.proxy.port}//"

    def empty(self) -> None:
        """Purge the queues. Raises what kombu does while it is broken."""
        with self._open() as channel:
            for queue in QUEUES:
                channel.queue_purge(queue)

    def add_up(self) -> int:
        """Add up what waits in the queues, not what the workers hold."""
        with self._open() as channel:
            return sum(channel.queue_declare(queue, passive=True).message_count for queue in QUEUES)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open a channel past the proxy. Raises what kombu does."""
        url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        with Connection(url, connect_timeout=5) as broker:
            yield broker.default_channel

    def _wait(self) -> None:
        """Wait until it speaks AMQP, which is a while after its port is open."""
        wait_until(self._says_hello, "RabbitMQ")

    def _says_hello(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), timeout=5) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(client.recv(8))
