"""A request that was frozen on an effect is the request that is applied."""

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from integrations.base import Request
from integrations.crm.base import ContactUpdate
from integrations.exceptions import PermanentFailure
from integrations.facts import ConversationFacts, EventFacts, Goal
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord
from tests.contracts.requests import make_contact_update, make_follow_up, make_ticket_request

# All that a Python string can hold; the odd ones are rare among a million characters.
TEXTS = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff"), max_size=20)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=OFFSETS)
NUMBERS = st.integers(0, 2**63 - 1)
GOALS = st.builds(Goal, name=TEXTS, achieved=st.none() | st.booleans(), reason=TEXTS)
CONVERSATIONS = st.builds(
    ConversationFacts,
    conversation_uuid=TEXTS,
    direction=TEXTS,
    agent_name=TEXTS,
    from_number=TEXTS,
    started_at=st.none() | TIMES,
    ended_at=st.none() | TIMES,
    duration_seconds=st.none() | NUMBERS,
    summary=TEXTS,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    goals=st.lists(GOALS, max_size=3).map(tuple),
)
IDENTITY: dict[str, Any] = {
    "idempotency_key": TEXTS,
    "event": st.builds(EventFacts, event_id=TEXTS, event_type=TEXTS, created=TIMES),
    "conversation": CONVERSATIONS,
}

UPDATES = st.builds(ContactUpdate, **IDENTITY, version=NUMBERS, phone_number=TEXTS)
TICKETS = st.builds(
    TicketRequest,
    **IDENTITY,
    subject=TEXTS,
    description=TEXTS,
    priority=st.sampled_from(["low", "normal", "high", "urgent"]),
    requester_phone=TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
)
USAGE = st.builds(
    UsageRecord,
    **IDENTITY,
    seconds=NUMBERS,
    occurred_at=TIMES,
)
FOLLOW_UPS = st.builds(
    FollowUp,
    **IDENTITY,
    title=TEXTS,
    description=TEXTS,
    phone_number=TEXTS,
    due_at=st.none() | TIMES,
    assignee=TEXTS,
)


@given(UPDATES | TICKETS | USAGE | FOLLOW_UPS)
def test_request_is_frozen_as_json_gives_it_back(frozen: Request) -> None:
    """Nothing in it is a tuple or a datetime: tags, goals and times are JSON's own types."""
    assert json.loads(json.dumps(frozen.to_json(), allow_nan=False)) == frozen.to_json()


@given(UPDATES | TICKETS | USAGE | FOLLOW_UPS)
def test_request_survives_json(frozen: Request) -> None:
    """What is rebuilt from the JSON text equals what was frozen, whatever it holds."""
    text = json.dumps(frozen.to_json(), allow_nan=False)
    assert type(frozen).from_json(json.loads(text)) == frozen


@pytest.mark.django_db
@given(UPDATES | TICKETS | USAGE | FOLLOW_UPS)
def test_request_survives_postgres(frozen: Request) -> None:
    """Postgres takes every frozen request as jsonb and gives the same request back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [json.dumps(frozen.to_json())])
        [text] = cursor.fetchone()
    assert type(frozen).from_json(json.loads(text)) == frozen


def test_unstorable_characters_are_replaced_where_a_request_is_made() -> None:
    """Each NUL and each half of a surrogate pair becomes U+FFFD, in nested texts as well."""
    ticket = make_ticket_request(subject="a\x00b", tags=("c\ud800d", "whole 😀"))
    assert ticket.subject == "a\ufffdb"
    assert ticket.tags == ("c\ufffdd", "whole 😀")
    assert Goal("e\x00", achieved=None).name == "e\ufffd"


def test_request_of_an_older_version_is_read_with_defaults() -> None:
    """A field that was added since has its default; one that was removed is passed over."""
    frozen = make_follow_up().to_json() | {"colour": "green"}
    del frozen["assignee"]
    assert FollowUp.from_json(frozen) == make_follow_up(assignee="")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"priority": "call 0301234 - at once"}, r"`\$\.priority`"),
        ({"tags": ["fine", 0]}, r"`\$\.tags\[1\]`"),
    ],
)
def test_unreadable_request_is_a_permanent_failure_that_quotes_no_value(
    change: dict[str, Any], place: str
) -> None:
    """The message names the field and nothing that is in it."""
    frozen = make_ticket_request().to_json() | change
    with pytest.raises(PermanentFailure, match=f": {place}$"):
        TicketRequest.from_json(frozen)


@pytest.mark.parametrize("frozen", [None, [], "text", {}])
def test_what_is_no_request_at_all_is_a_permanent_failure(frozen: object) -> None:
    """Nothing that may stand in the column ends in another error."""
    with pytest.raises(PermanentFailure, match="ContactUpdate"):
        ContactUpdate.from_json(frozen)


def test_requests_that_say_the_same_are_equal_and_frozen() -> None:
    """Requests are values."""
    update = make_contact_update()
    assert update == make_contact_update()
    with pytest.raises(AttributeError):
        update.version = 3  # type: ignore[misc]
