"""Beat asks for a sweep every few seconds, whatever becomes of the broker or the clock."""

import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pytest_django import Settings

from config.celery import app
from tests.databases import conninfo
from tests.faults.clock import Clock
from tests.operations.brokers import broker_in, no_broker
from tests.processes import RunningProcess, start_beat
from tests.processing.logs import read_log
from tests.processing.servers import BROKERS, count_hints, use_broker, wait_for_hints
from webhooks.processing.beat import SweepScheduler


def test_celery_uses_our_scheduler(settings: Settings) -> None:
    """Its own would keep a file, and go by the clock."""
    module = SweepScheduler.__module__
    assert f"{module}:{SweepScheduler.__name__}" == settings.CELERY_BEAT_SCHEDULER


@pytest.mark.parametrize("broker", BROKERS)
def test_no_sweep_is_asked_for_while_one_waits(own_database: str, broker: str) -> None:
    """With no worker there for days a single message waits."""
    with use_broker(broker, own_database):
        scheduler = SweepScheduler(app)
        for _ in range(3):
            scheduler.tick()
            wait_for_hints("sweep", 1)


def test_next_sweep_is_asked_for_after_the_interval(own_database: str, settings: Settings) -> None:
    """Which is what beat sleeps for."""
    settings.WEBHOOKS_SWEEP_INTERVAL = timedelta(seconds=7)
    with broker_in(own_database):
        assert SweepScheduler(app).tick() == 7


def test_broker_that_is_away_does_not_end_beat(own_database: str, settings: Settings) -> None:
    """It says so in a line and tries again after the interval."""
    scheduler = SweepScheduler(app)
    with no_broker(), read_log() as log:
        assert scheduler.tick() == settings.WEBHOOKS_SWEEP_INTERVAL.total_seconds()
    assert "hint_not_published" in log.getvalue()
    with broker_in(own_database):
        scheduler.tick()
    assert count_hints(own_database, "sweep") == 1


def test_clock_that_is_put_forward_and_back_keeps_no_sweep_waiting(
    own_database: str, tmp_path: Path
) -> None:
    """Nothing that beat does next hangs on when it did it last."""
    clock = Clock(tmp_path / "clock")
    if not clock.can_step:
        pytest.skip("libfaketime is not installed")
    with start_beat(own_database, **clock.build_environment()) as beat:
        wait_for_sweep(own_database, beat)
        for step in (3600, 0):
            clock.step(step)
            time.sleep(2)  # it is read once a second
            for _ in range(2):
                take_sweep(own_database)
                wait_for_sweep(own_database, beat)
        assert not list(beat.folder.glob("*schedule*"))


def wait_for_sweep(database_url: str, beat: RunningProcess) -> None:
    """Return once a sweep has been asked for; fail with beat's log if none is, for long."""
    ends_at = time.monotonic() + 20
    while not count_hints(database_url, "sweep"):
        assert time.monotonic() < ends_at, beat.read_log()
        time.sleep(0.05)


def take_sweep(database_url: str) -> None:
    """Take what waits, as a worker does."""
    with psycopg.connect(conninfo(database_url)) as connection:
        connection.execute("SELECT pgmq.purge_queue('switchboard_sweep')")
