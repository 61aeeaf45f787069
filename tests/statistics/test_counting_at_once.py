"""Any number of processes may count at once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.factories import AttemptFactory, DeliveryFactory, EffectFactory
from tests.statistics.test_counting import (
    begin_of,
    catch_up,
    count_attempts,
    count_deliveries,
    tally_deliveries,
)
from webhooks.models import CountedUntil
from webhooks.statistics import counting
from webhooks.statistics.counting import count_what_happened
from webhooks.statistics.spans import SPAN

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count whenever it is asked for."""
    monkeypatch.setattr(counting, "INTERVAL", timedelta(0))
    monkeypatch.setattr(counting, "RESTS", 0)


def test_nobody_waits_for_another_who_counts() -> None:
    """Whoever finds the row locked leaves the counting to the other."""
    event = DeliveryFactory.create().event
    catch_up()
    DeliveryFactory.create(event=event)
    done = threading.Event()

    def count() -> None:
        count_what_happened()
        done.set()
        connection.close()

    with transaction.atomic():
        list(CountedUntil.objects.select_for_update())
        other = threading.Thread(target=count)
        other.start()
        assert done.wait(10)
        other.join()
    assert sum(count_deliveries().values()) == 1
    catch_up()
    assert sum(count_deliveries().values()) == 2


def test_several_that_count_at_once_count_once() -> None:
    """Four threads count over and over while deliveries and attempts come in."""
    effect = EffectFactory.create()
    stop = threading.Event()
    faults: list[BaseException] = []

    def count() -> None:
        try:
            while not stop.is_set():
                count_what_happened()
        except BaseException as error:  # noqa: BLE001 -- told below
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    now = timezone.now()
    for number in range(40):
        age = timedelta(minutes=number)
        DeliveryFactory.create(event=effect.event, received_at=now - age % (2 * SPAN))
        AttemptFactory.create(effect=effect, outcome="succeeded", started_at=now)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    # What lies in spans that were settled already when its row was written cannot be counted.
    lately = begin_of(now) - SPAN
    catch_up()
    counted = {key: count for key, count in count_deliveries().items() if key[0] > lately}
    expected = {key: count for key, count in tally_deliveries().items() if key[0] > lately}
    assert counted == expected
    assert count_attempts() == {(begin_of(now), "crm", "succeeded"): 40}
