"""Worker and beat whose broker dies or hangs: they work again by themselves when it does."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.databases import conninfo
from tests.factories import EffectFactory
from tests.faults.proxy import Proxy
from tests.faults.servers.rabbitmq import RabbitMQBroker
from tests.faults.servers.redis import RedisBroker
from tests.processes import RunningProcess, start_beat, start_worker
from webhooks.models import Attempt, Effect

OUTAGE_SECONDS = 5.0
"""Longer than every time limit below."""

SOON = 15.0
"""Seconds in which an effect is done once the broker is back, on a busy machine."""

LIMITS = {"BROKER_CONNECT_TIMEOUT": "1", "BROKER_REPLY_TIMEOUT": "2", "BROKER_HEARTBEAT": "2"}

Break = Callable[[], AbstractContextManager[None]]


@contextmanager
def run_broker(kind: str, database_url: str, folder: Path) -> Iterator[tuple[str, Break, Break]]:
    """Run a broker; give its address, and what has it dead or hanging during a block."""
    with ExitStack() as stack:
        if kind != "postgres":
            run = RedisBroker if kind == "redis" else RabbitMQBroker
            broker = stack.enter_context(run(folder, folder / "log"))
            yield broker.url, broker.killed, broker.hanging
            return
        # Only the way to it dies and hangs: the database is needed to see what becomes of that.
        parts = conninfo_to_dict(conninfo(database_url))
        proxy = stack.enter_context(Proxy(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"))

        @contextmanager
        def do(what: Callable[[], None]) -> Iterator[None]:
            what()
            try:
                yield
            finally:
                proxy.forward()

        url = f"pgmq://{parts['user']}@127.0.0.1:{proxy.port}/{parts['dbname']}"
        yield url, lambda: do(proxy.refuse), lambda: do(proxy.hang)


def make_effect() -> Effect:
    """Return an effect that is due, and of which nobody is told but by the sweep."""
    effect: Effect = EffectFactory.create(event__status="processed")
    return effect


def wait_until_done(effect: Effect, *processes: RunningProcess) -> float:
    """Return the seconds until the effect has succeeded; fail with the logs if it never does."""
    started = time.monotonic()
    while Effect.objects.get(pk=effect.pk).state != "succeeded":
        seconds = time.monotonic() - started
        logs = [f"{process.name}:\n{process.read_log()[-6000:]}" for process in processes]
        assert seconds < 60, "\n".join(logs)
        time.sleep(0.1)
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["postgres", "redis", "rabbitmq"])
def test_broker_that_comes_back_finds_worker_and_beat_at_work(
    own_database: str, tmp_path: Path, kind: str
) -> None:
    """Nothing is restarted by anybody, and what was planned meanwhile is done soon, and once."""
    with run_broker(kind, own_database, tmp_path) as (url, *outages):
        variables = LIMITS | {"CELERY_BROKER_URL": url}
        with (
            start_worker(own_database, **variables) as worker,
            start_beat(own_database, **variables) as beat,
        ):
            wait_until_done(make_effect(), worker, beat)
            for outage in outages:
                with outage():
                    waiting = make_effect()
                    time.sleep(OUTAGE_SECONDS)
                assert wait_until_done(waiting, worker, beat) < SOON
            # Those of the start, all along.
            assert worker.process.poll() is None
            assert beat.process.poll() is None
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["succeeded"] * 3
