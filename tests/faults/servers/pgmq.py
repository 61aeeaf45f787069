"""The broker that is the product's own Postgres: the default.

It can die or hang without the database itself only on the way there, so the proxy does both.
"""

from config.broker import PREFIX, QUEUES
from config.embedded import DATABASE
from tests.faults.proxy import Proxy
from tests.faults.servers.broker import Broker
from tests.faults.servers.postgres import ACCOUNT, PostgresServer


class PgmqBroker(Broker):
    """pgmq in the product's own database."""

    name = "pgmq"

    def __init__(self, postgres: PostgresServer) -> None:
        super().__init__()
        self._postgres = postgres

    def start(self) -> None:
        """Put a proxy before Postgres's socket."""
        self.proxy = self.stack.enter_context(Proxy(str(self._postgres.socket)))
        self.url = f"pgmq://{ACCOUNT}@127.0.0.1:{self.proxy.port}/{DATABASE}"

    def empty(self) -> None:
        """Purge the queues. Raises `psycopg.OperationalError` while Postgres is broken."""
        with self._postgres.connect() as connection:
            for queue in QUEUES:
                connection.execute("SELECT pgmq.purge_queue(%s)", [PREFIX + queue])

    def add_up(self) -> int:
        """Add up what the queues hold."""
        with self._postgres.connect() as connection:
            row = connection.execute("SELECT sum(queue_length) FROM pgmq.metrics_all()").fetchone()
        return int(row[0]) if row else 0

    def kill(self) -> None:
        """Cut all connections at the proxy, and refuse new ones."""
        self.proxy.refuse()

    def revive(self) -> None:
        """Let connections through."""
        self.proxy.forward()

    def freeze(self) -> None:
        """Let nothing through."""
        self.proxy.hang()

    def thaw(self) -> None:
        """Let everything through."""
        self.proxy.forward()
