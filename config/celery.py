"""The Celery application: one queue for each kind of work, so that none waits for another."""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging, task_prerun, worker_init, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections
from django.urls import reverse
from kombu import Connection, Exchange, Queue

from config.broker import QUEUES, register_transport
from config.logging import configure_logging

register_transport()

RECONNECT = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}
"""Seconds between two tries to reach a broker that is away; kombu's own grow to half a minute, for
which nobody would work although the broker is back."""


class EagerConnection(Connection):
    """A connection to the broker that is tried again soon, for as long as it takes."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect as kombu does, with our pauses where the caller has none of its own."""
        return super().ensure_connection(*args, **RECONNECT | kwargs)


class EagerAMQP(AMQP):
    """What makes the connections of workers, beat and publishers."""

    Connection = EagerConnection


app = Celery("switchboard", amqp=EagerAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
# For all threads: Celery makes an app the current one only in the thread that imports it.
app.set_default()


def build_queue(name: str, broker_url: str) -> Queue:
    """Return the queue `name` as the broker at `broker_url` keeps it best."""
    durable = {"x-queue-type": "quorum"} if broker_url.startswith("amqp") else None
    return Queue(name, Exchange("switchboard", type="direct"), name, queue_arguments=durable)


app.autodiscover_tasks(["webhooks.processing", "webhooks.operations"])


@app.on_after_configure.connect
def add_queues(sender: Celery, **_: Any) -> None:
    """Name the queues once the settings are read; importing `config` must not need them."""
    sender.conf.task_queues = [build_queue(name, settings.CELERY_BROKER_URL) for name in QUEUES]


@task_prerun.connect
def drop_dead_connections(**_: Any) -> None:
    """Have the task open a connection of its own where the last one's is of no use any more."""
    close_old_connections()


@worker_init.connect
def load_urls(**_: Any) -> None:
    """Load what names a record's page in the admin, once for all of a worker's processes.

    Each would take half a second of its first effect otherwise, and the memory again.
    """
    reverse("admin:index")


@worker_shutting_down.connect
def begin_nothing_more(**_: Any) -> None:
    """Have the worker's processes finish what they have begun, and leave the rest to others."""
    from webhooks.processing.stopping import end_soon  # noqa: PLC0415 -- with the tasks

    end_soon()


@setup_logging.connect
def configure_worker_logging(**_: Any) -> None:
    """Log from workers as from everywhere else: Celery would set up its own otherwise."""
    configure_logging(settings.LOGGING)
