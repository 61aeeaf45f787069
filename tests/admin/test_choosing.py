"""All that match a list's filters are what a run is for; a filter that it cannot say is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models import Model
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.admin.pages import list_of
from tests.admin.story import CONVERSATION, Story
from tests.factories import EffectFactory, EventFactory
from webhooks.admin.acts.choosing import describe_choice
from webhooks.models import Effect, Event, Replay
from webhooks.operations.selection import (
    Selection,
    read_selection,
    select_effects,
    select_events,
)

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")


@pytest.fixture
def rows(story: Story) -> dict[str, Any]:
    """Return what filters can name, among rows that they tell apart."""
    run = Replay.objects.create(requested_from="command", reason="r", selection={})
    dead = EventFactory.create(status="dead", event_type="conversation.started", replay=run)
    late = EventFactory.create(status="failed", source=dead.source)
    Event.objects.filter(pk=late.pk).update(received_at=timezone.now() - timedelta(days=40))
    for number, state in enumerate(("dead", "pending", "failed")):
        EffectFactory.create(
            event=dead,
            conversation=story.conversation,
            integration=("crm", "usage", "usage")[number],
            state=state,
            finished_at=timezone.now() - timedelta(days=10 * number),
            replay=run if state == "dead" else None,
        )
    day = timezone.localdate()
    return {
        "run": run.pk,
        "source": dead.source_id,
        "day": day.isoformat(),
        "week": (day - timedelta(days=7)).isoformat(),
        "month": (day - timedelta(days=30)).isoformat(),
    }


SAID: list[tuple[type[Model], str]] = [
    (Event, ""),
    (Event, "needs=people"),
    (Event, "status__exact=dead"),
    (Event, "event_type=conversation.started"),
    (Event, "source__id__exact={source}"),
    (Event, "replay__id__exact={run}"),
    (Event, "received_at_from_0={month}"),
    (Event, "received_at_to_0={month}&received_at_to_1=12:30"),
    (Event, "received_at_from_0={day}&received_at_to_0={day}&status__exact=processed"),
    (Event, "needs=people&before=99999&e=1"),
    (Effect, "needs=people"),
    (Effect, "state__exact=dead"),
    (Effect, "integration__exact=usage&needs=people"),
    (Effect, "replay__id__exact={run}"),
    (Effect, "finished_at_from_0={week}&needs=people"),
    (Effect, "finished_at_to_0={week}&state__exact=failed"),
    (Effect, "created_at_from_0={day}&created_at_to_0={day}&needs=people"),
    (Effect, "event_type=conversation.started&needs=people"),
    (Event, "received_at_from_0=0001-01-01&received_at_to_0=9999-12-31"),
    (Effect, "created_at_from_0=0001-01-01&created_at_from_1=00:00&needs=people"),
    (Effect, "finished_at_to_0=9999-12-31&finished_at_to_1=23:59:59.999999&needs=people"),
]


def find_meant(model: type[Model], query: str) -> set[Any]:
    """Return the rows that a run of all that match would be for."""
    request = RequestFactory().get(f"/?{query}")
    pages: Any = admin.site._registry[model]  # noqa: SLF001 -- there is no other way to ask
    selection = read_selection(pages.select_all(request).describe())
    if isinstance(selection, Selection):
        return set(select_events(selection))
    return set(select_effects(selection))


@pytest.mark.parametrize(("model", "query"), SAID)
def test_all_that_match_are_the_list_s(
    staff: Client, rows: dict[str, Any], model: type[Model], query: str
) -> None:
    """A run's selection names the rows that the list shows under the same filters."""
    query = query.format(**rows)
    shown = staff.get(f"{list_of(model)}?{query}")
    assert shown.status_code == 200
    expected = set(shown.context["cl"].queryset)
    assert expected
    assert find_meant(model, query) == expected


@pytest.mark.parametrize(
    ("model", "query", "why"),
    [
        (Event, f"q={CONVERSATION}", "narrowed by a search"),
        (Effect, f"q={CONVERSATION}&needs=people", "narrowed by a search"),
        (Event, "failed_effect=any", "narrowed by “failed effect”"),
        (Event, "status__exact=gone", "gone is nothing that one can filter by."),
        (Event, "needs=help", "help is nothing that one can filter by."),
        (Event, "source__id__exact=987654321", "987654321 is nothing"),
        (Event, "source__id__exact=x", "x is nothing"),
        (Event, "replay__id__exact=x", "x is nothing"),
        (Event, "received_at_from_0=yesterday", "One of the times in the filter is none."),
        (Effect, "whatever=1", "narrowed by “whatever”"),
    ],
)
def test_a_filter_that_cannot_be_said_is_refused(
    operator: Client, model: type[Model], query: str, why: str
) -> None:
    """With words, back at the list with its filters; never taken for fewer or none."""
    name = "replay" if model is Event else "retry"
    path = f"{list_of(model)}ask/{name}/?{query}&select_across=1"
    response = operator.get(path)
    assert response.status_code == 302
    back, _, kept = response.headers["Location"].partition("?")
    assert back == list_of(model)
    assert QueryDict(kept) == QueryDict(query)
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert why in said[0]
    sent = {"reason": "r", "request_key": "0" * 32, "last_key": "1"}
    assert operator.post(path, sent).status_code == 302
    assert not Replay.objects.filter(reason="r").exists()


@pytest.mark.parametrize("marked", ["", "rows=", "rows=x", "rows=,,", "rows=" + "9" * 5000])
def test_nothing_that_is_marked_is_not_all(operator: Client, marked: str) -> None:
    """An address that names no rows is for none."""
    response = operator.get(f"{list_of(Event)}ask/replay/?{marked}", follow=True)
    assert "Nothing is marked." in response.text


def test_every_filter_of_a_list_is_said_or_refused(staff: Client, rows: dict[str, Any]) -> None:
    """None is passed over, whichever filters a list may get: each choice, one at a time."""
    for model in (Event, Effect):
        changes = staff.get(list_of(model)).context["cl"]
        names = {
            name
            for spec in changes.filter_specs
            for name in spec.expected_parameters()
            if name and not name.endswith(("_0", "_1", "__isnull"))
        }
        assert names
        for name in names:
            value = {"source__id__exact": rows["source"]}.get(name, "dead")
            path = f"{list_of(model)}ask/close/?{name}={value}&select_across=1"
            response = staff.get(path)
            if response.status_code == 200:
                shown = staff.get(f"{list_of(model)}?{name}={value}").context["cl"].queryset
                assert find_meant(model, f"{name}={value}") == set(shown)


def test_a_choice_is_told_in_words() -> None:
    """On the question and on the record, those of long ago too."""
    moment = timezone.now().replace(microsecond=0)
    told = describe_choice(
        {
            "rows": "events",
            "keys": [1, 2, 3],
            "needs_people": True,
            "received_from": moment.isoformat(),
            "source": "calls",
            "event_ids": ["a", "b", "c", "d"],
        }
    )
    assert told[0] == "3 marked"
    assert told[1] == "needs people: yes"
    assert told[2].startswith("received from: ")
    assert "T" not in told[2]
    assert told[3:] == ["source: calls", "event ids: 4"]
    assert describe_choice({"rows": "effects", "keys": ["k"]}) == ["idempotency keys: 1"]
    assert describe_choice({"effects": 2}) == ["2 marked"]
    assert describe_choice({"rows": "events"}) == ["all there are"]
