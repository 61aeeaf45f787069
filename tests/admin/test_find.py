"""One search box on every page finds what people have in hand."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.pages import every_page, page_of
from tests.admin.story import CONVERSATION, NUMBER, SECRET, Story
from tests.factories import ConversationFactory, EffectFactory, EventFactory
from webhooks.admin.find.finding import SHOWN, find
from webhooks.admin.find.search import find_number
from webhooks.models import Effect
from webhooks.models.encryption import build_cipher

BOX = "/admin/search/"


def type_in(client: Client, term: str) -> tuple[str, str]:
    """Type into the box; return the path where one ends and that page's text."""
    response = client.post(BOX, {"q": term}, follow=True)
    assert response.status_code == 200
    return response.request["PATH_INFO"], response.text


@pytest.fixture
def reader(viewer: Client) -> Client:
    """Return a browser of somebody who may also see what was said."""
    user = User.objects.get(username="vic")
    user.user_permissions.add(Permission.objects.get(codename="view_payload"))
    return viewer


@pytest.fixture(autouse=True)
def _others(story: Story) -> None:
    """Have rows that no search is after."""
    assert story
    EffectFactory.create(external_id="other")


def test_every_page_has_the_box(staff: Client) -> None:
    """With a label, and the key that leads to it."""
    for page in every_page()[:12]:
        html = staff.get(page).text
        assert html.count('id="find"') == 1, page
        assert html.count('for="find"') == 1
        assert 'aria-keyshortcuts="/"' in html


def test_one_hit_is_gone_to_at_once(staff: Client, story: Story) -> None:
    """Event, conversation, ticket number and key each lead straight to their page."""
    Effect.objects.filter(pk=story.failed.pk).update(external_id="35436")
    for term, row in (
        (str(story.ended.event_id), story.ended),
        (str(story.ended.event_id).upper()[:13], story.ended),
        (f"  {CONVERSATION} ", story.conversation),
        (CONVERSATION[:9], story.conversation),
        ("35436", story.failed),
        ("#35436", story.failed),
        ("https://help.example.com/agent/tickets/35436", story.failed),
        (story.failed.idempotency_key, story.failed),
    ):
        assert type_in(staff, term)[0] == page_of(row), term


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        NUMBER.removeprefix("+"),
        f"00{NUMBER.removeprefix('+')}",
        "+49 (151) 123-456 78",
        "tel:+49151/12345678",
        "0151 12345678",
        "12345678",
        "+\uff14\uff19\uff11\uff15\uff11\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    ],
)
def test_number_finds_its_conversation_however_it_is_written(
    staff: Client, story: Story, written: str
) -> None:
    """With its country, with 00, as it is dialled in the country, or only by its end."""
    assert type_in(staff, written)[0] == page_of(story.conversation)


@pytest.mark.parametrize(
    "stored", ["+49 30 555-0199", "0049305550199", "+49305550199", "sip:+49305550199@host"]
)
def test_number_is_found_however_it_was_sent(stored: str) -> None:
    """The sender's spelling is kept, and does not matter."""
    row = ConversationFactory.create(from_number=stored)
    for term in ("+49305550199", "0049 30 5550199", "030 5550199", "49305550199"):
        assert find_number(term, 5) == [row.pk], term


@pytest.mark.parametrize(
    "term",
    ["+49151123456789", "+1 151 12345678", "99912345678", "+4915112345", "12345", "anonymous"],
)
def test_other_number_finds_nothing(term: str) -> None:
    """A whole number is the whole one; and five digits are no number."""
    assert find_number(term, 5) == []


def test_number_finds_the_latest_conversations_first() -> None:
    """Of whoever calls every day, from and to, no more than asked for."""
    rows = [
        ConversationFactory.create(**{column: "+4930111222"})
        for column in ("from_number", "to_number") * 4
    ]
    assert find_number("+49 30 111222", 5) == [row.pk for row in rows[:2:-1]]


def test_number_is_in_no_address_and_masked_in_what_is_found(staff: Client) -> None:
    """What is logged and what is over one's shoulder tells nobody's number."""
    ConversationFactory.create_batch(2, from_number="+4930111222")
    response = staff.post(BOX, {"q": "+4930111222"}, follow=True)
    (address, _), *more = response.redirect_chain
    assert not more
    assert "30111222" not in address
    assert response.text.count("30111222") == 1, "what was typed, in the box"
    assert response.text.count("+49…22") == 2
    again = staff.get(address)
    assert again.text.count("+49…22") == 2, "one can come back to it"


def test_address_of_a_number_is_of_use_to_who_typed_it_alone(staff: Client, reader: Client) -> None:
    """And that for an hour."""
    address = staff.post(BOX, {"q": NUMBER})["Location"]
    assert "That search is over." in reader.get(address).text
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        staff.force_login(User.objects.get(username="ada"))
        assert "That search is over." in staff.get(address).text


@pytest.mark.parametrize("sealed", ["", "x", "é", "gAAAAA", "%00"])
def test_address_that_was_made_up_is_no_error(staff: Client, sealed: str) -> None:
    """Whatever is typed into it."""
    assert "That search is over." in staff.get(BOX, {"n": sealed}).text


def test_nothing_else_that_is_encrypted_is_shown(staff: Client) -> None:
    """A signing secret's ciphertext in the address tells nothing."""
    html = staff.get(BOX, {"n": build_cipher().encrypt(SECRET.encode()).decode()}).text
    assert SECRET not in html
    assert "That search is over." in html


def test_number_is_for_who_may_see_what_was_said(viewer: Client, story: Story) -> None:
    """A viewer is told so, and finds everything else."""
    path, html = type_in(viewer, NUMBER)
    assert path == BOX
    assert "Phone numbers were not searched" in html
    assert "phone number, however" not in html
    assert type_in(viewer, CONVERSATION)[0] == page_of(story.conversation)


def test_permission_opens_the_search_by_number(reader: Client, story: Story) -> None:
    """It is the permission to see what was said, and nothing else."""
    assert type_in(reader, NUMBER)[0] == page_of(story.conversation)


def test_number_in_the_lists_own_address_is_not_searched(staff: Client) -> None:
    """A number that somebody has put into an address all the same finds nothing more."""
    html = staff.get(BOX, {"q": NUMBER}).text
    assert "Phone numbers were not searched: for that, type it into the box above." in html


def test_nothing_is_found_that_one_may_not_open(story: Story) -> None:
    """What somebody may not see is not even asked for."""
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client = Client()
    client.force_login(user)
    assert type_in(client, CONVERSATION)[0] == BOX
    assert type_in(client, story.failed.idempotency_key)[0] == BOX
    assert type_in(client, str(story.ended.event_id))[0] == page_of(story.ended)


def test_several_hits_are_listed_by_kind_with_enough_to_choose(staff: Client) -> None:
    """Each row says what it is, when it was, and how it stands."""
    conversation = ConversationFactory.create(
        conversation_uuid="abcd1234-of-ada", agent_name="Grace", status="failed"
    )
    event = EventFactory.create(event_id="abcd1234-0000-4000-8000-000000000000", status="dead")
    path, html = type_in(staff, "abcd1234")
    assert path == BOX
    for row in (conversation, event):
        assert f'href="{page_of(row)}"' in html
    for words in ("Conversations</h2>", "Events</h2>", "Grace", "dead", "s ago", event.source.slug):
        assert words in html


def test_more_than_a_page_is_said_to_be_more(staff: Client) -> None:
    """The latest ones are shown."""
    rows = EffectFactory.create_batch(SHOWN + 1, external_id="17")
    html = type_in(staff, "17")[1]
    assert f"These are the latest {SHOWN}; there are more." in html
    assert f'href="{page_of(rows[-1])}"' in html
    assert f'href="{page_of(rows[0])}"' not in html


def test_nothing_found_says_what_was_tried_and_what_can_be(staff: Client) -> None:
    """So that nobody wonders whether the search is broken."""
    path, html = type_in(staff, "no such thing")
    assert path == BOX
    assert "Nothing is stored under “no such thing”" in html
    assert "It was tried as a conversation, an event and a record at a vendor" in html
    assert "What can be searched for" in html
    assert "What can be searched for" in staff.get(BOX).text


def test_event_of_a_conversation_that_is_not_there_yet_is_found(staff: Client) -> None:
    """Its processing is still to come, or has failed."""
    event = EventFactory.create(conversation_uuid="still-to-come")
    assert type_in(staff, "still-to-come")[0] == page_of(event)


@pytest.mark.parametrize(
    "term",
    [
        "%",
        "____",
        "%%%%",
        "'; DROP TABLE",
        "\\",
        "c0f",
        "x" * 300,
        "日本語の検索",
        "\U0001f600",
        "+",
        "++++++",
        "00000000",
        "٠١٢٣٤٥٦٧٨٩",
        "http://[",
        "https://[::1",
        "/../..",
        "<script>alert(1)</script>",
    ],
)
def test_hostile_term_finds_nothing_and_is_no_error(staff: Client, term: str) -> None:
    """No wildcard, script or half an address is more than a text that nothing is stored under."""
    path, html = type_in(staff, term)
    assert path == BOX
    assert "Nothing is stored under" in html
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("a\0b", "Null characters are not allowed."),
        ("x" * 301, "That is longer than anything that can be searched for."),
        ("   ", "Type what you are looking for."),
        ("", "Type what you are looking for."),
    ],
)
@pytest.mark.parametrize("method", ["post", "get"])
def test_what_cannot_be_searched_for_is_said(
    staff: Client, term: str, said: str, method: str
) -> None:
    """In a sentence, and not by an error page."""
    response = getattr(staff, method)(BOX, {"q": term})
    assert response.status_code == 200
    assert said in response.text


def test_search_is_for_the_admins_people_alone(client: Client, db: None) -> None:  # noqa: ARG001
    """Anybody else is sent to log in."""
    for response in (client.get(BOX, {"q": CONVERSATION}), client.post(BOX, {"q": NUMBER})):
        assert response.status_code == 302
        assert "/login/" in response["Location"]


def test_forged_form_searches_nothing(staff: Client) -> None:
    """Another site cannot have a number looked up."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = staff.cookies
    assert strict.post(BOX, {"q": NUMBER}).status_code == 403


def test_other_terms_have_an_address_of_their_own(staff: Client) -> None:
    """One can send a colleague there."""
    location = staff.post(BOX, {"q": "some-thing"})["Location"]
    assert parse_qs(urlsplit(location).query) == {"q": ["some-thing"]}


@pytest.mark.parametrize("term", [CONVERSATION, NUMBER, "12345678", "abcd1234", "35436"])
def test_search_asks_few_questions_each_served_by_an_index(
    staff: Client, story: Story, term: str
) -> None:
    """None reads a whole table, however many rows there are."""
    assert story
    person = User.objects.get(username="ada")
    with CaptureQueriesContext(connection) as queries:
        find(term, person, by_number=True)
    assert len(queries) <= 14
    asked = [query["sql"] for query in queries if '"webhooks_' in query["sql"]]
    assert len(asked) >= 5
    assert staff
    with connection.cursor() as cursor:
        # With a handful of rows Postgres would read them all, or walk along a whole index.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor)
            scans = plan.count("Index Scan") + plan.count("Index Only Scan")
            assert scans == plan.count("Index Cond") > 0, plan
            assert "Seq Scan" not in plan, plan


def test_index_of_numbers_has_them_in_the_order_of_the_list(staff: Client) -> None:
    """The latest ten of a million calls to one number are read without the others."""
    assert staff
    with CaptureQueriesContext(connection) as queries:
        find_number("+49301234567", 10)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        for query, column in zip(queries, ("from", "to"), strict=True):
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor)
            assert f"conversation_by_{column}_digits" in plan, plan
            assert "Sort" not in plan, plan
