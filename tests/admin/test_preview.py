"""What a dry run would have sent is shown to people who may see what was said, and no one else."""

from typing import Any

import pytest
from django.test import Client

from tests.admin.pages import address, every_page, list_of, page_of
from tests.admin.story import Story
from webhooks.models import Effect

CANARY = "canary of the preview"
HEADING = "What would have been sent"


@pytest.fixture
def rehearsed(story: Story) -> Effect:
    """Return an effect that was only rehearsed."""
    effect = story.failed
    effect.state, effect.reason = "skipped", "Dry run: nothing was sent."
    effect.preview = {"properties": {"note": CANARY}}
    effect.save()
    return effect


def test_preview_is_shown_to_who_may_see_what_was_said(staff: Client, rehearsed: Effect) -> None:
    """With the reason why nothing was sent."""
    html = staff.post(address(Effect, "look", rehearsed.pk)).text
    for shown in (CANARY, HEADING, rehearsed.reason):
        assert shown in html


def test_preview_is_on_no_other_page_and_for_nobody_else(
    staff: Client, viewer: Client, rehearsed: Effect
) -> None:
    """Neither a list nor a page of somebody without the permission has it, or loads it."""
    for page in every_page():
        assert CANARY not in viewer.get(page).text
    assert CANARY not in staff.get(list_of(Effect)).text
    original: Any = viewer.get(page_of(rehearsed)).context["original"]
    assert "preview" in original.get_deferred_fields()


def test_effect_that_was_not_rehearsed_says_nothing_of_it(staff: Client, story: Story) -> None:
    """A page without a preview has no empty section for it."""
    assert HEADING not in staff.get(page_of(story.failed)).text


def test_effect_tells_its_priority(staff: Client, story: Story) -> None:
    """Whoever wonders why it waits sees what goes before it."""
    before = staff.get(page_of(story.failed)).text.count("replay")
    Effect.objects.filter(pk=story.failed.pk).update(priority=Effect.Priority.REPLAY)
    assert staff.get(page_of(story.failed)).text.count("replay") > before
