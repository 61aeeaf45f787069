"""To be shown what was said one has to ask, and each look is written down."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from tests.admin.pages import address, page_of
from tests.admin.story import NUMBER, SUMMARY, TRANSCRIPT, Story
from webhooks.models import AuditEntry, Conversation, Effect, Event

SEEN = AuditEntry.Action.PAYLOAD_SEEN


def look(client: Client, row: Model) -> str:
    """Ask for what was said, and return the page."""
    response = client.post(address(type(row), "look", row.pk))
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("model", [Conversation, Event, Effect])
def test_a_look_is_written_down_once(staff: Client, story: Story, model: type[Model]) -> None:
    """With who it was, from where, and the row that was looked at."""
    assert story
    row = model._default_manager.order_by("pk").first()  # noqa: SLF001 -- documented API
    assert row is not None
    look(staff, row)
    entry = AuditEntry.objects.get(action=SEEN)
    assert (entry.actor_name, entry.door, entry.remote_address) == ("ada", "admin", "127.0.0.1")
    assert (entry.subject_type, entry.subject_id) == (model._meta.label_lower, str(row.pk))  # noqa: SLF001 -- documented API
    assert entry.subject == str(row)


def test_a_look_shows_all_of_it_and_the_next_page_nothing(staff: Client, story: Story) -> None:
    """It holds for the one page that was asked for."""
    assert TRANSCRIPT in look(staff, story.ended)
    shown = look(staff, story.conversation)
    assert NUMBER in shown
    assert SUMMARY in shown
    for row in (story.ended, story.conversation):
        masked = staff.get(page_of(row)).text
        assert TRANSCRIPT not in masked
        assert NUMBER not in masked
        assert SUMMARY not in masked
    assert AuditEntry.objects.filter(action=SEEN).count() == 2


def test_two_looks_are_two_entries(staff: Client, story: Story) -> None:
    """Whoever sends the page's form once more looks once more."""
    look(staff, story.ended)
    look(staff, story.ended)
    assert AuditEntry.objects.filter(action=SEEN).count() == 2


def test_a_page_that_is_only_opened_is_no_look(staff: Client, story: Story) -> None:
    """Neither the row's own page nor the address of the look, typed by hand, shows or records."""
    staff.get(page_of(story.ended))
    response = staff.get(address(Event, "look", story.ended.pk))
    assert response.status_code == 302
    assert response["Location"] == page_of(story.ended)
    assert not AuditEntry.objects.filter(action=SEEN).exists()


@pytest.mark.parametrize("model", [Conversation, Event, Effect])
def test_without_the_permission_there_is_no_look(
    viewer: Client, story: Story, model: type[Model]
) -> None:
    """The page has no button, the address refuses, and nothing is written down."""
    row = model._default_manager.order_by("pk").first()  # noqa: SLF001 -- documented API
    assert row is not None
    html = viewer.get(page_of(row)).text
    assert "Show what was said" not in html
    assert "takes a permission that you do not have" in html
    assert viewer.post(address(model, "look", row.pk)).status_code == 403
    assert not AuditEntry.objects.filter(action=SEEN).exists()
    assert story


def test_the_permission_alone_opens_no_row(story: Story) -> None:
    """Whoever may see what was said, but no events, sees nothing of an event."""
    user = User.objects.create_user("pam", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_payload"))
    client = Client()
    client.force_login(user)
    assert client.post(address(Event, "look", story.ended.pk)).status_code == 403
    assert not AuditEntry.objects.filter(action=SEEN).exists()


def test_a_look_at_nothing_is_none(staff: Client, story: Story) -> None:
    """A row that is not there is not found, and nobody has seen it."""
    assert story
    assert staff.post(address(Event, "look", 999_999_999)).status_code == 404
    assert not AuditEntry.objects.filter(action=SEEN).exists()


def test_a_look_is_not_kept_by_the_browser(staff: Client, story: Story) -> None:
    """Going back to it later asks again."""
    response = staff.post(address(Event, "look", story.ended.pk))
    assert "no-store" in response["Cache-Control"]


def test_a_forged_look_is_refused(story: Story) -> None:
    """No other site has somebody look without knowing."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("ada"))
    assert client.post(address(Event, "look", story.ended.pk)).status_code == 403
    assert not AuditEntry.objects.filter(action=SEEN).exists()
