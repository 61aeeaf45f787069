"""Nothing that was said is on a masked page, whatever the payload looks like."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.admin.personal.masking import (
    DEEPEST,
    ENVELOPE,
    MOST_ITEMS,
    MOST_LINES,
    REQUEST,
    Known,
    write_masked,
)
from webhooks.admin.personal.payload import UNREADABLE, show_body

CANARY = "Qx7"
"""Stands in no word of ours, and no field's name or listed place can have it."""

texts = st.text(max_size=20).map(lambda text: f"{text}{CANARY}{text}")
leaves = st.none() | st.booleans() | texts
names = st.sampled_from(["data", "messages", "message", "status", "from_number", "goals", "x"])
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(names | texts.map(lambda text: f" {text}"), inner, max_size=4)
    ),
    max_leaves=25,
)


def tell(value: Any, known: Known = ENVELOPE) -> str:
    """Return the masked page's text."""
    return "\n".join(write_masked(value, known))


@given(trees, st.sampled_from([ENVELOPE, REQUEST, {}]))
def test_no_text_of_a_payload_is_on_the_page(value: Any, known: Known) -> None:
    """Neither as a value nor as the name of a field, however deep and under whatever names.

    Texts with a capital letter in them fit no listed place but an id, and no id is among the names.
    """
    assert CANARY not in tell(value, known)


@given(st.integers(min_value=10_000, max_value=10**30))
def test_no_number_is_on_the_page_that_is_not_listed(number: int) -> None:
    """A telephone number may come without quotation marks."""
    shown = tell({"from_number": number, "data": {"pin": number, "messages": [{"n": number}]}})
    assert str(number) not in shown


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("from_number", "+4915112345645", "phone number, ends in 45"),
        ("note", "+49 151 123456-45", "phone number, ends in 45"),
        ("from_number", "015112345645", "phone number, ends in 45"),
        ("ip_address", "203.0.113.7", "IP address"),
        ("anything", "2001:db8::7", "IP address"),
        ("anything", "ada@example.com", "e-mail address"),
        ("street", "Main Street 5", "address"),
        ("customer_name", "Ada", "name"),
        ("link", "https://example.com/a?b=c", "link"),
        ("born", "2001-12-31T00:00:00Z", "time"),
        ("message", "Hello!", "text, 6 characters"),
    ],
)
def test_mark_says_what_it_stands_for(name: str, text: str, said: str) -> None:
    """Staff see what kind of thing is there, and of a number enough to tell two apart."""
    lines = ["{", "  data: {", f"    {name}: \u2039{said}\u203a", "  }", "}"]
    assert write_masked({"data": {name: text}}, ENVELOPE) == lines


def test_what_is_listed_is_shown_where_it_is_listed() -> None:
    """Ids, the sender's words, times and lengths are no secret at their own place."""
    data = {
        "conversation_uuid": "c0ffee",
        "status": "completed",
        "started_at": "2026-03-01T09:00:00Z",
        "duration_seconds": 61,
        "messages": [{"role": "user", "message": "Hello!"}],
    }
    shown = tell({"event_id": "e-1", "event_type": "conversation.ended", "data": data})
    for line in (
        'event_id: "e-1"',
        'event_type: "conversation.ended"',
        'conversation_uuid: "c0ffee"',
        'status: "completed"',
        'started_at: "2026-03-01T09:00:00Z"',
        "duration_seconds: 61",
        'role: "user"',
    ):
        assert line in shown


@pytest.mark.parametrize(
    "value",
    [
        {"data": {"metadata": {"status": "pregnant"}}},
        {"data": {"messages": [{"result": {"role": "patient"}}]}},
        {"data": {"status": "He has been Released"}},
        {"status": "released"},
    ],
)
def test_a_listed_name_at_another_place_shows_nothing(value: Any) -> None:
    """What a tool returned or a customer named is masked under whatever name."""
    assert "text, " in tell(value)


@pytest.mark.parametrize("name", ["+4915112345678", "Ada Lovelace", "Ada", "order4915112345678"])
def test_a_field_that_may_be_a_persons_is_not_named(name: str) -> None:
    """Some senders have lists by name, of callers say."""
    assert name not in tell({"data": {name: True}})


def test_depth_and_length_have_an_end() -> None:
    """No payload makes a page of megabytes, and each cut says so."""
    deep: Any = "x"
    for _ in range(DEEPEST * 2):
        deep = [deep]
    assert "nested deeper than is shown" in tell(deep)
    assert "5 more" in tell({"data": {"messages": [{"role": "user"}] * (MOST_ITEMS + 5)}})
    wide = {f"a{'b' * n}": {f"c{'d' * m}": m for m in range(40)} for n in range(49)}
    lines = write_masked([wide] * MOST_ITEMS, {})
    assert len(lines) == MOST_LINES + 1
    assert "more is not shown" in lines[-1]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe Qx7", b"Qx7", b"[" * 100_000 + b"]" * 100_000, b'{"Qx7', b""]
)
def test_a_body_that_cannot_be_taken_apart_is_not_shown(body: bytes) -> None:
    """What cannot be masked is left out as a whole."""
    assert show_body(body, ENVELOPE, in_full=False).text == UNREADABLE


def test_half_an_emoji_spoils_nothing() -> None:
    """A body that processing can read can be shown masked, too."""
    body = rb'{"event_id":"e-1","data":{"message":"\ud83d"}}'
    assert 'event_id: "e-1"' in show_body(body, ENVELOPE, in_full=False).text


@given(trees)
def test_masked_body_is_the_masked_value(value: Any) -> None:
    """The bytes as they came are masked as what they say."""
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    assert CANARY not in show_body(body, ENVELOPE, in_full=False).text
