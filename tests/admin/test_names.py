"""What pages call themselves and their rows."""

import re

import pytest
from django.db.models import Model
from django.test import Client

from tests.admin.pages import READ_ONLY, list_of, page_of
from tests.admin.story import Story
from webhooks.models import Conversation, Effect, RejectionCount

pytestmark = pytest.mark.usefixtures("story")


def read_trail(html: str) -> str:
    """Return the whole page's text without markup, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("model", READ_ONLY)
def test_browser_title_names_the_row(staff: Client, model: type[Model]) -> None:
    """Somebody with ten tabs open tells them apart."""
    row = model._default_manager.all()[0]  # noqa: SLF001 -- documented API
    title = staff.get(page_of(row)).text.partition("<title>")[2].partition("</title>")[0]
    assert title.split("|")[0].strip() == str(row)


def test_breadcrumb_leaves_an_id_as_it_is(staff: Client, story: Story) -> None:
    """An id that begins with a letter can be copied from there."""
    effect = Effect.objects.filter(conversation=story.conversation)[0]
    for row in (story.conversation, effect):
        name = str(row)
        assert name[0].islower()
        trail = read_trail(staff.get(page_of(row)).text)
        assert f"chevron_right {name}" in trail
        assert f"{name[0].upper()}{name[1:]}" not in trail


def test_menu_and_page_call_rejections_the_same(staff: Client) -> None:
    """What the menu leads to is called what the menu calls it."""
    trail = read_trail(staff.get(list_of(RejectionCount)).text)
    assert "chevron_right Rejections" in trail
    assert "Rejection count" not in trail


@pytest.mark.parametrize(("name", "shown"), [("Ada", "Ada"), ("", "a9e7")])
def test_conversation_shows_its_agent_by_name_or_id(staff: Client, name: str, shown: str) -> None:
    """An agent whose name no event has told goes by its id."""
    row = Conversation.objects.create(conversation_uuid="c", agent_uuid="a9e7", agent_name=name)
    for page in (page_of(row), list_of(Conversation)):
        assert shown in staff.get(page).text
