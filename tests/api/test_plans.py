"""Filters of lists are served by indexes, or by the keys that rows of a time have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.factories import (
    ConversationFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
)
from webhooks.models import Conversation, Delivery, Effect, Event, time_bounds

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SINCE, UNTIL = "2026-05-04T14:00:00Z", "2026-05-04T16:00:00Z"


@pytest.fixture
def all_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no table be too small to look for keys."""
    monkeypatch.setattr(time_bounds, "SMALL", 0)


def make_rows(model: type[Model]) -> list[Any]:
    """Create nine rows of the model, an hour apart."""
    rows: list[Any] = []
    for number in range(9):
        at = NOON + timedelta(hours=number)
        if model is Event:
            rows.append(EventFactory.create(received_at=at))
        elif model is Delivery:
            rows.append(DeliveryFactory.create(received_at=at))
        else:
            rows.append(EffectFactory.create(created_at=at, finished_at=at))
    return rows


def ask(client: APIClient, model: type[Model], query: dict[str, str]) -> tuple[Any, list[str]]:
    """Return the answer of the model's list, and what was asked of its table for it."""
    opts = model._meta  # noqa: SLF001 -- documented API
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"/api/v1/{opts.verbose_name_plural}/", query)
    assert response.status_code == 200
    asked = [q["sql"] for q in queries if f'FROM "{opts.db_table}"' in q["sql"]]
    return response.json()["results"], [sql for sql in asked if "WITH RECURSIVE" not in sql]


@pytest.mark.usefixtures("all_small")
@pytest.mark.parametrize(
    ("model", "name", "is_whole"),
    [
        (Event, "received", True),
        (Delivery, "received", True),
        (Effect, "planned", True),
        (Effect, "ended", False),
    ],
)
def test_span_of_long_ago_is_not_reached_from_the_newest_row(
    viewer: APIClient, model: type[Model], name: str, *, is_whole: bool
) -> None:
    """Its rows are a range of keys, whose ends the query names; an end's time has one end."""
    rows = make_rows(model)
    query = {f"{name}_after": SINCE, f"{name}_before": UNTIL}
    results, (page, *_) = ask(viewer, model, query)
    key = "event_id" if model is Event else "id"
    values = [str(row.event_id) if model is Event else row.pk for row in rows]
    assert [row[key] for row in results] == [values[3], values[2]]
    column = f'"{model._meta.db_table}"."id"'  # noqa: SLF001 -- documented API
    assert f"{column} < {rows[5].pk}" in page or f"{column} < {rows[4].pk}" in page
    assert (f"{column} >= {rows[2].pk}" in page) == is_whole


@pytest.mark.usefixtures("all_small")
@pytest.mark.parametrize(
    ("moment", "found"),
    [("0001-01-01T00:00:00%2B14:00", 9), ("9999-12-31T23:59:59-14:00", 0)],
)
def test_ends_of_time_are_times(viewer: APIClient, moment: str, found: int) -> None:
    """The first and the last moment there is, in whichever zone, are no error."""
    make_rows(Event)
    moment = moment.replace("%2B", "+")
    results, _ = ask(viewer, Event, {"received_after": moment})
    assert len(results) == found
    results, _ = ask(viewer, Event, {"received_before": moment})
    assert len(results) == 9 - found


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Event, {"received_after": SINCE, "received_before": UNTIL}),
        (Event, {"needs_people": "true"}),
        (Event, {"conversation": "c"}),
        (Event, {"event_type": "call.transcribed"}),
        (Delivery, {"received_after": SINCE, "received_before": UNTIL}),
        (Delivery, {"outcome": "conflict"}),
        (Delivery, {"verification": "stale_timestamp"}),
        (Effect, {"planned_after": SINCE, "planned_before": UNTIL}),
        (Effect, {"ended_after": SINCE, "ended_before": UNTIL}),
        (Effect, {"integration": "crm", "needs_people": "true"}),
        (Effect, {"external_id": "ticket-7"}),
        (Conversation, {"organization": "organization-1"}),
        (Conversation, {"status": "failed"}),
    ],
)
def test_filter_is_served_by_an_index(
    viewer: APIClient, model: type[Model], query: dict[str, str]
) -> None:
    """No page reads a whole table, nor walks along its keys to find rows."""
    EffectFactory.create()
    ConversationFactory.create(organization_uuid="organization-1")
    _, asked = ask(viewer, model, query)
    assert asked
    with connection.cursor() as cursor:
        # With a handful of rows Postgres would read them all, or walk along the primary key.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor)
            assert f"Seq Scan on {model._meta.db_table}" not in plan, plan  # noqa: SLF001
