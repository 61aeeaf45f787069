"""The brokers that the product can run on, by name."""

import shutil
from pathlib import Path

from tests import rabbitmq
from tests.faults.servers.broker import Broker
from tests.faults.servers.pgmq import PgmqBroker
from tests.faults.servers.postgres import PostgresServer
from tests.faults.servers.rabbitmq import RabbitMQBroker
from tests.faults.servers.redis import RedisBroker

BROKERS = ("pgmq", "redis", "rabbitmq")


def find_missing(broker: str) -> str:
    """Return what is missing for the broker to run here, with an empty text where nothing is."""
    if broker == "redis" and shutil.which("redis-server") is None:
        return "redis-server is not installed (Debian package redis-server)"
    if broker == "rabbitmq" and not rabbitmq.is_installed():
        return "RabbitMQ is not installed (Debian package rabbitmq-server)"
    return ""


def build_broker(broker: str, postgres: PostgresServer, folder: Path, log: Path) -> Broker:
    """Return the broker, not yet started; its data go into `folder`. Raises ValueError."""
    if broker == "pgmq":
        return PgmqBroker(postgres)
    if broker == "redis":
        return RedisBroker(folder, log)
    if broker == "rabbitmq":
        return RabbitMQBroker(folder, log)
    raise ValueError(f"no such broker: {broker}")
