"""What the log leaves out of an outage, which is told once and not at every try."""

import logging

import pytest
from django.conf import settings

from config.logging import OnceAMinute
from tests.processing.logs import read_log

CONSUMER = "celery.worker.consumer.consumer"


def test_each_kind_of_line_is_let_through_once_a_minute() -> None:
    """Whatever is put into it; another kind does not wait for it."""
    now = 0.0
    seldom = OnceAMinute(clock=lambda: now)
    told = []
    for second in range(0, 122, 2):
        now = float(second)
        for text in ("Cannot connect: %s", "Lost: %s"):
            record = logging.makeLogRecord({"msg": text, "args": (second,)})
            if seldom.filter(record):
                told.append(record.getMessage())
    assert told == [f"{text}: {at}" for at in (0, 60, 120) for text in ("Cannot connect", "Lost")]


def test_worker_without_a_broker_does_not_log_every_try() -> None:
    """The first one is there, with what stands in the way."""
    text = "consumer: Cannot connect, says this test: %s."
    with read_log() as log:
        for _ in range(10):
            logging.getLogger(CONSUMER).error(text, "refused")
    assert log.getvalue().count("says this test: refused") == 1


@pytest.mark.parametrize("name", ["psycopg.pool", "kombu.transport.native_delayed_delivery"])
def test_what_libraries_warn_of_at_every_connection_is_left_out(name: str) -> None:
    """Their errors are told."""
    assert name in settings.LOGGING["loggers"]
    with read_log() as log:
        logging.getLogger(name).warning("error connecting in 'pool-1'")
        logging.getLogger(name).error("reconnection attempt failed")
    assert ["reconnection" in line for line in log.getvalue().splitlines()] == [True]
