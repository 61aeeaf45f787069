"""What a request carries of its conversation."""

import pytest
from pytest_django import Settings

from tests.factories import ConversationFactory
from webhooks.processing.requests import build_conversation_facts

pytestmark = pytest.mark.django_db


def test_request_links_to_its_conversation(settings: Settings) -> None:
    """The setting's address leads to the conversation, however odd its name is."""
    settings.CONVERSATION_URL = "https://voice.example.com/{conversation_uuid}?tab=1"
    facts = build_conversation_facts(ConversationFactory.build(conversation_uuid="a/b ü"))
    assert facts.url == "https://voice.example.com/a%2Fb%20%C3%BC?tab=1"


def test_without_the_setting_there_is_no_link() -> None:
    """No address is invented."""
    assert build_conversation_facts(ConversationFactory.build()).url == ""


def test_facts_are_the_conversations_own_words() -> None:
    """Every fact has the value that the conversation's field of that name has."""
    conversation = ConversationFactory.build(
        agent_name="Ava", summary="Said yes.", score=0.5, goals=[{"name": "A", "achieved": True}]
    )
    facts = build_conversation_facts(conversation)
    assert (facts.agent_name, facts.summary, facts.score) == ("Ava", "Said yes.", 0.5)
    assert [(goal.name, goal.achieved, goal.reason) for goal in facts.goals] == [("A", True, "")]
    assert facts.other_party == conversation.other_party
