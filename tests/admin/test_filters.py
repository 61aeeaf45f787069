"""Filters say how many rows a choice has, and stay quick however many there are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.pages import list_of
from tests.admin.story import Story
from tests.factories import EffectFactory, EventFactory
from webhooks.admin.find.counts import count_each, say_count
from webhooks.models import (
    Attempt,
    AuditEntry,
    Conversation,
    Delivery,
    Effect,
    Event,
    RejectionCount,
    Replay,
    time_bounds,
)
from webhooks.models.time_bounds import find_first_key

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LISTS = [Conversation, Event, Delivery, Effect, Attempt]


def span(column: str, since: datetime, until: datetime) -> dict[str, str]:
    """Return a list's parameters for a span of time."""
    return {
        f"{column}_from_0": since.date().isoformat(),
        f"{column}_from_1": since.time().isoformat(),
        f"{column}_to_0": until.date().isoformat(),
        f"{column}_to_1": until.time().isoformat(),
    }


def show(client: Client, model: type[Model], **filters: Any) -> set[int]:
    """Return the keys of the rows that the filters leave."""
    response = client.get(list_of(model), filters)
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


def test_choices_say_how_many_rows_they_have(staff: Client) -> None:
    """Those that an index can count, of the whole table."""
    EventFactory.create_batch(2, status="dead")
    EventFactory.create(status="failed")
    EventFactory.create(status="processed")
    html = staff.get(list_of(Event)).text
    assert re.search(r'<option value="people"[^>]*>\s*needs people \(3\)', html)
    assert re.search(r'<option value="dead"[^>]*>\s*dead \(2\)', html)
    assert re.search(r'<option value="processed"[^>]*>\s*processed\s*<', html)


def test_many_rows_are_not_counted(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that there are more than are counted."""
    monkeypatch.setattr("webhooks.admin.find.counts.COUNTED", 2)
    EventFactory.create_batch(4, status="dead")
    html = staff.get(list_of(Event)).text
    assert re.search(r">\s*dead \(2\+\)", html)
    assert say_count(3) == "2+"


def test_several_counts_are_one_question() -> None:
    """And a question that cannot have rows is none."""
    EventFactory.create_batch(3, status="dead")
    questions = {
        "dead": Event.objects.filter(status="dead"),
        "none": Event.objects.none(),
        "all": Event.objects.all(),
    }
    with CaptureQueriesContext(connection) as queries:
        assert count_each(questions) == {"dead": 3, "none": 0, "all": 3}
    assert len(queries) == 1
    assert count_each({}) == {}


def test_what_failed_while_the_crm_was_down_is_found_in_both_lists(staff: Client) -> None:
    """By integration, need of people and the time between two moments."""
    rows = {}
    for name, integration, state, at in (
        ("wanted", "crm", "dead", NOON),
        ("elsewhere", "tickets", "dead", NOON),
        ("succeeded", "crm", "succeeded", NOON),
        ("before", "crm", "failed", NOON - timedelta(hours=2)),
        ("after", "crm", "failed", NOON + timedelta(hours=2)),
    ):
        event = EventFactory.create(received_at=at)
        rows[name] = EffectFactory.create(
            event=event, integration=integration, state=state, created_at=at, finished_at=at
        )
    around = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    chosen = {"needs": "people", "integration__exact": "crm"}
    for column in ("finished_at", "created_at"):
        assert show(staff, Effect, **chosen, **span(column, *around)) == {rows["wanted"].pk}
    events = show(staff, Event, failed_effect="crm", **span("received_at", *around))
    assert events == {rows["wanted"].event_id}
    assert show(staff, Event, failed_effect="any", **span("received_at", *around)) == {
        rows["wanted"].event_id,
        rows["elsewhere"].event_id,
    }


def test_effects_are_told_apart_by_their_events_type(staff: Client) -> None:
    """A ticket of a call that ended, and one of its analysis."""
    ended = EffectFactory.create(event__event_type="conversation.ended")
    EffectFactory.create(event__event_type="conversation.started")
    assert show(staff, Effect, event_type="conversation.ended") == {ended.pk}


def test_conversations_without_an_analysis_are_found(staff: Client) -> None:
    """Once there has been time for it."""
    ago = timezone.now() - timedelta(minutes=20)
    missing, _, _, _ = (
        Conversation.objects.create(conversation_uuid=name, ended_at=ended, analysed_at=analysed)
        for name, ended, analysed in (
            ("missing", ago, None),
            ("analysed", ago, ago),
            ("just ended", timezone.now(), None),
            ("under way", None, None),
        )
    )
    assert show(staff, Conversation, analysis="missing") == {missing.pk}


def test_what_was_sent_is_shown_again(staff: Client) -> None:
    """In the browser's own fields; what is no time is left out and finds nothing."""
    sent = span("received_at", NOON, NOON)
    html = staff.get(list_of(Event), sent).text
    assert 'name="received_at_from_0" value="2026-05-04"' in html
    assert 'name="received_at_to_1" value="12:00:00"' in html
    EventFactory.create()
    assert show(staff, Event, received_at_from_0="<b>") == set()
    html = staff.get(list_of(Event), {"received_at_from_0": "<b>"}).text
    assert 'type="date" name="received_at_from_0" value=""' in html


@pytest.fixture
def all_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no table be too small to look for keys."""
    monkeypatch.setattr(time_bounds, "SMALL", 0)


@pytest.mark.usefixtures("all_small")
def test_key_of_a_time_is_found_by_halving() -> None:
    """From it on are the rows of that time or later, across gaps; none where there is none."""
    events = [
        EventFactory.create(received_at=NOON + timedelta(minutes=number)) for number in range(20)
    ]
    for gone in (0, 3, 4, 5, 19):
        events[gone].delete()
    left = [event for number, event in enumerate(events) if number not in {0, 3, 4, 5, 19}]
    for seconds in range(-60, 21 * 60, 30):
        moment = NOON + timedelta(seconds=seconds)
        later = [event.pk for event in left if event.received_at >= moment]
        key = find_first_key(Event, "received_at", moment)
        rows = Event.objects.filter(pk__gte=key).order_by("pk")
        assert list(rows.values_list("pk", flat=True)) == later, seconds


@pytest.mark.usefixtures("all_small")
def test_empty_table_has_no_key() -> None:
    """And is no error."""
    assert find_first_key(Event, "received_at", NOON) is None


@pytest.mark.usefixtures("all_small")
@pytest.mark.parametrize("skew", [0, 8])
def test_span_of_time_finds_its_rows_by_their_keys(staff: Client, skew: int) -> None:
    """Also those that were written a little out of order, as transactions are."""
    events = [
        EventFactory.create(
            received_at=NOON + timedelta(minutes=5 * number + (skew if number % 3 else -skew))
        )
        for number in range(48)
    ]
    since, until = NOON + timedelta(minutes=60), NOON + timedelta(minutes=120)
    expected = {event.pk for event in events if since <= event.received_at <= until}
    assert len(expected) > 8
    assert show(staff, Event, **span("received_at", since, until)) == expected


@pytest.mark.usefixtures("all_small")
def test_span_of_long_ago_is_not_reached_from_the_newest_row(staff: Client) -> None:
    """Its rows are a range of keys, whose two ends the query names."""
    events = [
        EventFactory.create(received_at=NOON + timedelta(hours=number)) for number in range(9)
    ]
    bounds = span("received_at", NOON + timedelta(hours=2), NOON + timedelta(hours=3))
    with CaptureQueriesContext(connection) as queries:
        assert show(staff, Event, **bounds) == {events[2].pk, events[3].pk}
    (page,) = [sql for sql in (q["sql"] for q in queries) if "LIMIT 51" in sql]
    assert f'"webhooks_event"."id" >= {events[2].pk}' in page
    assert f'"webhooks_event"."id" < {events[4].pk}' in page


@pytest.mark.parametrize(
    ("model", "filters"),
    [
        (Event, {"needs": "people"}),
        (Event, {"status__exact": "dead"}),
        (Event, {"status__exact": "held"}),
        (Event, {"failed_effect": "crm"}),
        (Event, {"failed_effect": "any", **span("received_at", NOON, NOON)}),
        (Event, {"event_type": "call.transcribed"}),
        (Event, span("received_at", NOON, NOON)),
        (Effect, {"needs": "people", "integration__exact": "crm"}),
        (Effect, {"needs": "people", **span("finished_at", NOON, NOON)}),
        (Effect, {"state__exact": "pending"}),
        (Effect, span("created_at", NOON, NOON)),
        (Effect, span("finished_at", NOON, NOON)),
        (Delivery, {"outcome__exact": "conflict"}),
        (Delivery, {"verification": "stale_timestamp"}),
        (Delivery, span("received_at", NOON, NOON)),
        (Attempt, span("started_at", NOON, NOON)),
        (Conversation, {"analysis": "missing"}),
        (Conversation, {"status__exact": "failed"}),
        (Conversation, span("ended_at", NOON, NOON)),
        (AuditEntry, span("at", NOON, NOON)),
        (AuditEntry, {"door__exact": "api"}),
        (AuditEntry, {"q": "ada"}),
        (RejectionCount, {}),
    ],
)
def test_filter_is_served_by_an_index(
    staff: Client, story: Story, model: type[Model], filters: dict[str, str]
) -> None:
    """Neither the page nor its counts read a whole table, nor walk along its keys to find rows."""
    assert story
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_of(model), filters)
    assert len(queries) <= 20
    table = model._meta.db_table  # noqa: SLF001 -- documented API
    asked = [sql for sql in (q["sql"] for q in queries) if f'FROM "{table}"' in sql]
    assert asked
    with connection.cursor() as cursor:
        # With a handful of rows Postgres would read them all, or walk along the primary key.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor)
            if "WITH RECURSIVE" not in sql and "min(" not in sql.lower():
                assert f"Seq Scan on {table}" not in plan, plan


@pytest.mark.usefixtures("all_small")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("model", [*LISTS, AuditEntry])
def test_ends_of_time_are_times(staff: Client, model: type[Model], zone: str) -> None:
    """The first and the last day that there is find all rows, whatever the reader's zone."""
    EffectFactory.create()
    staff.cookies["timezone"] = zone
    changes = staff.get(list_of(model)).context["cl"]
    columns = {item[0] for item in changes.list_filter if isinstance(item, tuple)}
    for column in columns & {"first_seen_at", "received_at", "created_at", "started_at", "at"}:
        sent = {f"{column}_from_0": "0001-01-01", f"{column}_to_0": "9999-12-31"}
        assert show(staff, model, **sent) == {row.pk for row in changes.result_list}
        assert show(staff, model, **{f"{column}_to_0": "0001-01-01"}) == set()
        assert show(staff, model, **{f"{column}_from_0": "9999-12-31"}) == set()


@pytest.mark.parametrize(
    ("model", "name"),
    [(Conversation, "same_caller_as"), (Effect, "same_caller_as"), (Replay, "who")],
)
def test_key_of_thousands_of_digits_is_no_rows(
    staff: Client, model: type[Model], name: str
) -> None:
    """Python refuses to read such a number, and the list does not fail with it."""
    assert show(staff, model, **{name: "9" * 5000}) == set()


def test_conversations_that_ended_in_a_span_are_in_the_order_of_their_ends(staff: Client) -> None:
    """By the sender's clock, whatever order they came in; pages go on in that order."""
    ends = [NOON + timedelta(minutes=minutes) for minutes in (5, 1, 3, 9, 200)]
    rows = [Conversation.objects.create(conversation_uuid=str(end), ended_at=end) for end in ends]
    Conversation.objects.create(conversation_uuid="under way")
    sent: dict[str, Any] = span("ended_at", NOON, NOON + timedelta(hours=1))
    changes = staff.get(list_of(Conversation), sent).context["cl"]
    assert [row.pk for row in changes.result_list] == [rows[number].pk for number in (3, 0, 2, 1)]
    behind = staff.get(list_of(Conversation), {**sent, "before": rows[0].pk}).context["cl"]
    assert [row.pk for row in behind.result_list] == [rows[2].pk, rows[1].pk]


@pytest.mark.parametrize("model", LISTS)
def test_list_with_all_it_counts_makes_few_queries(staff: Client, model: type[Model]) -> None:
    """Twenty are the limit; the counts are one of them."""
    EffectFactory.create_batch(60)
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_of(model))
    assert len(queries) <= 20
