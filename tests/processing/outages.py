"""Brokers that are away or hang, in front of a Celery that keeps the product's time limits."""

from contextlib import AbstractContextManager, nullcontext

from tests.operations.brokers import broker_at
from tests.processing.servers import hang, read_transport_options

ADDRESSES = ["redis://127.0.0.1:{}/0", "amqp://127.0.0.1:{}//", "pgmq://postgres@127.0.0.1:{}/x"]
OUTAGES = ["refused", "hanging"]


def break_broker(outage: str, port: int) -> AbstractContextManager[None]:
    """Have nobody listen on the port, or somebody who says nothing."""
    return hang(port) if outage == "hanging" else nullcontext()


def broker_on(address: str, port: int) -> AbstractContextManager[None]:
    """Have Celery publish to the port, with the time limits of the product's settings."""
    url = address.format(port)
    return broker_at(url, read_transport_options(url))
