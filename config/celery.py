"""The Celery application: one queue for each kind of work, so that none waits for another."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings
from kombu import Exchange, Queue

from config.broker import QUEUES, register_transport
from config.logging import configure_logging

register_transport()

app = Celery("switchboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
# For all threads: Celery makes an app the current one only in the thread that imports it.
app.set_default()


def build_queue(name: str, broker_url: str) -> Queue:
    """Return the queue `name` as the broker at `broker_url` keeps it best."""
    durable = {"x-queue-type": "quorum"} if broker_url.startswith("amqp") else None
    return Queue(name, Exchange("switchboard", type="direct"), name, queue_arguments=durable)


app.autodiscover_tasks(["webhooks.processing"])


@app.on_after_configure.connect
def add_queues(sender: Celery, **_: Any) -> None:
    """Name the queues once the settings are read; importing `config` must not need them."""
    sender.conf.task_queues = [build_queue(name, settings.CELERY_BROKER_URL) for name in QUEUES]


@setup_logging.connect
def configure_worker_logging(**_: Any) -> None:
    """Log from workers as from everywhere else: Celery would set up its own otherwise."""
    configure_logging(settings.LOGGING)
