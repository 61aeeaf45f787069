"""From a conversation one gets to all that there is of its caller, without the number."""

import pytest
from django.test import Client

from tests.admin.pages import list_of, page_of
from tests.factories import ConversationFactory, EffectFactory
from webhooks.models import Conversation, Effect

pytestmark = pytest.mark.django_db

NUMBER = "+49 151 1234567"


@pytest.fixture
def calls() -> list[Conversation]:
    """Return three conversations with one caller, whose number is written in three ways."""
    return [
        ConversationFactory.create(from_number=NUMBER, direction="inbound"),
        ConversationFactory.create(from_number="00491511234567", direction="inbound"),
        ConversationFactory.create(to_number="+491511234567", direction="outbound"),
    ]


def list_rows(client: Client, model: type[Conversation] | type[Effect], key: int | str) -> set[int]:
    """Return the keys of the rows in the list of one caller."""
    response = client.get(list_of(model), {"same_caller_as": key})
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


def test_list_has_the_callers_conversations_and_no_others(
    staff: Client, calls: list[Conversation]
) -> None:
    """However the number is written, and whoever called whom."""
    ConversationFactory.create(from_number="+491517654321", direction="inbound")
    for call in calls:
        assert list_rows(staff, Conversation, call.pk) == {each.pk for each in calls}


def test_list_of_effects_has_what_was_done_for_the_caller(
    staff: Client, calls: list[Conversation]
) -> None:
    """What the CRM was told of this caller, in one list."""
    own = [EffectFactory.create(conversation=call) for call in calls]
    EffectFactory.create()
    assert list_rows(staff, Effect, calls[0].pk) == {effect.pk for effect in own}


def test_page_leads_there_without_the_number(staff: Client, calls: list[Conversation]) -> None:
    """Addresses are kept in histories and logs."""
    html = staff.get(page_of(calls[0])).text
    assert f'href="{list_of(Conversation)}?same_caller_as={calls[0].pk}"' in html
    assert f"{list_of(Effect)}?same_caller_as={calls[0].pk}&amp;integration__exact=crm" in html
    assert "1511234567" not in html


@pytest.mark.parametrize("number", ["", "anonymous", "0", "110"])
def test_hidden_numbers_are_nobodys(staff: Client, number: str) -> None:
    """Two callers who hide their numbers are not one."""
    first, _ = ConversationFactory.create_batch(2, from_number=number, direction="inbound")
    assert "All conversations with this caller" not in staff.get(page_of(first)).text
    assert list_rows(staff, Conversation, first.pk) == {first.pk}


@pytest.mark.parametrize("key", ["0", "x", "", "9" * 40, "-1"])
def test_no_conversation_has_no_caller(staff: Client, calls: list[Conversation], key: str) -> None:
    """Whatever stands in the address, the list opens."""
    found = list_rows(staff, Conversation, key)
    assert found == (set() if key else {call.pk for call in calls})
