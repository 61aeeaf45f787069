"""Every list and every page opens, and says what it is there for."""

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from tests.admin.pages import READ_ONLY, address, every_model, every_page, list_of, page_of
from tests.admin.story import CONVERSATION, NUMBER, SUMMARY, TRANSCRIPT, Story
from tests.factories import DeliveryFactory, EffectFactory, EventFactory
from webhooks.models import (
    Attempt,
    Conversation,
    Delivery,
    Effect,
    Event,
    RejectionCount,
    Replay,
)

pytestmark = pytest.mark.usefixtures("story")


def test_every_page_opens_for_an_administrator(staff: Client) -> None:
    """The lists, and the page of each row in them."""
    pages = every_page()
    assert len(pages) > 40
    for page in pages:
        assert staff.get(page).status_code == 200, page


def test_pages_load_nothing_from_other_hosts(staff: Client, story: Story) -> None:
    """Style sheets, scripts, pictures and fonts all come from here."""
    for page in ("/admin/login/", list_of(Event), page_of(story.conversation)):
        html = (Client() if "login" in page else staff).get(page).text
        assert 'src="http' not in html
        assert 'src="//' not in html
        assert '<link href="http' not in html
        assert '<link href="//' not in html


def test_admin_is_called_switchboard(staff: Client) -> None:
    """The product's name stands in the title and the sidebar."""
    html = staff.get("/admin/").text
    assert html.count("Switchboard") >= 2


@pytest.mark.parametrize("model", READ_ONLY)
def test_list_makes_as_many_queries_for_a_full_page_as_for_a_short_one(
    staff: Client, model: type[Model], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """A list of fifty rows costs no more queries than one of a few, and at most twenty."""
    staff.get(list_of(model))
    with CaptureQueriesContext(connection) as few:
        staff.get(list_of(model))
    for effect in EffectFactory.create_batch(60):
        DeliveryFactory.create(event=effect.event)
        effect.attempts.create(number=1, lease="00000000-0000-4000-8000-000000000000")
    with django_assert_max_num_queries(20) as many:
        staff.get(list_of(model))
    # Of more than a page it is asked, up to a limit and within a time, how many there are.
    assert len(few) <= len(many) <= len(few) + 5


@pytest.mark.parametrize("model", every_model())
def test_list_loads_no_body_and_no_request(staff: Client, model: type[Model]) -> None:
    """What no list shows is not even read for one: it may be megabytes for each row."""
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_of(model))
    sql = " ".join(query["sql"] for query in queries)
    for column in ('"body"', '"request"', '"summary"', '"follow_ups"', '"value"', '"description"'):
        assert column not in sql


@pytest.mark.parametrize("model", READ_ONLY)
def test_list_never_counts_a_whole_table(staff: Client, model: type[Model]) -> None:
    """Each count has a limit, so that its cost does not grow with the table."""
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_of(model))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]
    # A list that fits on its page, and counts no choices, needs none.
    assert counts or model in (RejectionCount, Attempt, Replay)
    for sql in counts:
        assert sql.upper().count("COUNT(") == sql.count("LIMIT 1001"), sql


@pytest.mark.parametrize(
    ("model", "chosen", "number"),
    [
        (Event, {"status__exact": "processed"}, 3),
        (Event, {"status__exact": "failed"}, 0),
        (Event, {"event_type": "conversation.ended"}, 1),
        (Event, {"event_type": "conversation.unheard"}, 0),
        (Event, {"received_at_from_0": "31/12/2020", "received_at_from_1": "23:59"}, 3),
        (Event, {"received_at_from_0": "2020-12-31"}, 3),
        (Event, {"received_at_to_0": "31/12/2020", "received_at_to_1": "23:59"}, 0),
        (Event, {"received_at_to_0": "31/12/2199", "received_at_from_0": "31/12/2198"}, 0),
        (Event, {"received_at_from_0": "yesterday"}, 0),
        (Delivery, {"outcome__exact": "duplicate"}, 1),
        (Delivery, {"outcome__exact": "rejected"}, 8),
        (Delivery, {"verification": "signature_mismatch"}, 1),
        (Delivery, {"verification": "verified"}, 6),
        (Delivery, {"verification": "verified", "outcome__exact": "rejected"}, 1),
        (RejectionCount, {"verification__exact": "stale_timestamp"}, 1),
        (Conversation, {"status__exact": "completed"}, 1),
        (Conversation, {"status__exact": "failed"}, 0),
        (Effect, {"state__exact": "failed"}, 1),
        (Effect, {"state__exact": "succeeded", "integration__exact": "crm"}, 3),
    ],
)
def test_list_is_filtered(
    staff: Client, model: type[Model], chosen: dict[str, str], number: int
) -> None:
    """Each filter leaves what is asked for."""
    assert staff.get(list_of(model), chosen).context["cl"].result_count == number


def test_list_of_one_source_has_what_came_from_it(staff: Client, story: Story) -> None:
    """Events and deliveries can be told apart by who sent them."""
    EventFactory.create()
    chosen = {"source__id__exact": story.source.pk}
    assert staff.get(list_of(Event), chosen).context["cl"].result_count == 3
    assert staff.get(list_of(Delivery), chosen).context["cl"].result_count == 13


@pytest.mark.parametrize("number", [1, 30])
def test_conversation_page_makes_as_many_queries_for_a_long_timeline(
    staff: Client, story: Story, django_assert_max_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    """The timeline asks once for each kind of row."""
    for event in EventFactory.create_batch(number, conversation_uuid=CONVERSATION):
        DeliveryFactory.create(event=event)
        EffectFactory.create(event=event, conversation=story.conversation)
    with django_assert_max_num_queries(20):
        assert staff.get(page_of(story.conversation)).status_code == 200


def test_event_page_leads_to_its_deliveries_effects_and_conversation(
    staff: Client, story: Story
) -> None:
    """Whatever belongs to the event is one click away."""
    html = staff.get(page_of(story.ended)).text
    rows: list[Model] = [story.conversation, *story.ended.deliveries.all()]
    rows += story.ended.effects.all()
    for row in rows:
        assert f'href="{page_of(row)}"' in html
    assert story.ended.deliveries.count() == 3


def test_event_page_shows_the_payload_collapsed_and_indented(staff: Client, story: Story) -> None:
    """Its fields stand behind one click; who asks finds the whole body, in lines."""
    masked = staff.get(page_of(story.ended)).text
    assert '<details class="sb-payload">' in masked
    assert "duration_seconds: 61\n" in masked
    html = staff.post(address(Event, "look", story.ended.pk)).text
    assert '<details class="sb-payload" open>' in html
    assert f"&quot;message&quot;: &quot;{TRANSCRIPT}&quot;\n" in html


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"\xff\xfe", "\ufffd\ufffd</pre>"),
        (b"[" * 100_000 + b"]" * 100_000, "[[[["),
        (b'{"n":' + b"9" * 5000 + b"}", "99999\n}</pre>"),
        (b"<b>", "&lt;b&gt;</pre>"),
    ],
)
def test_event_page_shows_any_body(staff: Client, body: bytes, shown: str) -> None:
    """Neither depth nor numbers nor bad UTF-8 keep the page from opening, and markup stays text."""
    event = EventFactory.create(body=body)
    assert staff.get(page_of(event)).status_code == 200
    html = staff.post(address(Event, "look", event.pk)).text
    assert shown in html.partition("sb-payload")[2]


def test_event_page_cuts_a_very_long_body(staff: Client) -> None:
    """A transcript of megabytes does not make a page of megabytes."""
    event = EventFactory.create(data={"messages": ["word " * 200_000]})
    html = staff.post(address(Event, "look", event.pk)).text
    assert len(html) < 500_000
    assert "more characters are not shown" in html


def test_event_page_says_that_a_body_is_gone(staff: Client) -> None:
    """An event outlives its body."""
    event = EventFactory.create(body=None, body_sha256=b"", body_bytes=9)
    assert "The body is not stored any more." in staff.get(page_of(event)).text


def test_event_page_says_what_went_wrong_and_what_to_do(staff: Client) -> None:
    """A failed event tells why, and that it can be retried."""
    event = EventFactory.create(status=Event.Status.FAILED, error="KeyError", attempts=16)
    html = staff.get(page_of(event)).text
    assert "is not tried again, since it would fail the same way: KeyError." in html
    assert "Once that is mended, retry it." in html


def test_conversation_page_shows_facts_and_what_was_said(staff: Client, story: Story) -> None:
    """The facts are there at once, the numbers and the analysis to who asks for them."""
    masked = staff.get(page_of(story.conversation)).text
    assert "1:01 min" in masked
    assert "phone number, ends in 78" in masked
    html = staff.post(address(Conversation, "look", story.conversation.pk)).text
    assert NUMBER in html
    assert SUMMARY in html


def test_timeline_has_everything_once_in_order_of_time(staff: Client, story: Story) -> None:
    """Deliveries with duplicate and conflict, events, effects and attempts stand in one list."""
    days = staff.get(page_of(story.conversation)).context["days"]
    entries = [entry for day in days.values() for entry in day]
    kinds = [entry.kind for entry in entries]
    mine = Delivery.objects.filter(event__conversation_uuid=CONVERSATION)
    assert kinds.count("delivery") == mine.count() == 5
    assert kinds.count("event") == Event.objects.count() == 3
    assert kinds.count("effect") == Effect.objects.count() == 6
    assert kinds.count("replay") == 0
    assert kinds.count("attempt") == Attempt.objects.count() == 8
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_effect_page_shows_attempts_and_links_to_the_record(staff: Client, story: Story) -> None:
    """Every try is there with its error, and a record at the vendor is one click away."""
    story.failed.external_id, story.failed.external_url = "T-1", "https://example.com/T-1"
    story.failed.save()
    html = staff.get(page_of(story.failed)).text
    assert html.count("The help desk has no such form.") >= 4
    assert "lost with its worker" in html
    assert 'href="https://example.com/T-1"' in html


def test_a_vendors_script_address_is_no_link(staff: Client, story: Story) -> None:
    """What a vendor returns as the record's address cannot run in the reader's browser."""
    story.failed.external_id, story.failed.external_url = "T-1", "javascript:alert(1)"
    story.failed.save()
    for page in (page_of(story.failed), list_of(Effect), page_of(story.failed.event)):
        assert "javascript:alert" not in staff.get(page).text


@pytest.mark.parametrize("verification", Delivery.Verification)
def test_rejected_delivery_says_why(staff: Client, verification: str) -> None:
    """Each reason for a rejection is told in a sentence of its own."""
    delivery = Delivery.objects.get(outcome="rejected", verification=verification)
    response = staff.get(page_of(delivery))
    said = {
        "verified": "it holds no event: created: is required",
        "missing_signature": "had no header X-Webhook-Signature",
        "malformed_signature": "its encoding or prefix differs",
        "signature_mismatch": "fits none of the source",
        "missing_timestamp": "had no header X-Webhook-Timestamp",
        "malformed_timestamp": "holds no time that can be read",
        "stale_timestamp": "more than 300 s away from ours",
        "no_active_secret": "had no active secret",
    }
    assert said[verification] in response.context["meaning"]
    assert said[verification] in response.text


def test_conversation_without_rows_shows_an_empty_timeline(staff: Client) -> None:
    """A conversation whose events are gone still has its page."""
    row = Conversation.objects.create(conversation_uuid="alone")
    assert "Nothing that you may see is stored of it." in staff.get(page_of(row)).text
