"""Nobody meets a secret, and only people with the permission meet what was said."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from integrations.ledger.models import (
    LedgerActivity,
    LedgerContact,
    LedgerFollowUp,
    LedgerTicket,
)
from tests.admin.pages import address, every_page, list_of, page_of
from tests.admin.story import (
    FOLLOW_UP,
    GOAL,
    NUMBER,
    PERSONAL,
    SECRET,
    SUMMARY,
    TRANSCRIPT,
    Story,
)
from webhooks.models import (
    ApiToken,
    Attempt,
    AuditEntry,
    Conversation,
    Delivery,
    Effect,
    Event,
    RejectionCount,
    Replay,
)

LEDGER: list[type[Model]] = [LedgerContact, LedgerActivity, LedgerTicket, LedgerFollowUp]
MASKED: list[type[Model]] = [Conversation, Event, Effect, *LEDGER]
"""What has pages that show what was said to who asks."""
SHOWN: dict[type[Model], tuple[str, ...]] = {
    LedgerContact: (NUMBER,),
    LedgerActivity: (SUMMARY, GOAL),
    LedgerTicket: (NUMBER, TRANSCRIPT, SUMMARY),
    LedgerFollowUp: (NUMBER, FOLLOW_UP, GOAL, SUMMARY),
}


def every_look() -> list[str]:
    """Return the addresses that are asked to show what was said, of all rows that hold it."""
    return [address(model, "look", row.pk) for model in MASKED for row in list_rows(model)]


def list_rows(model: type[Model]) -> list[Model]:
    """Return all rows of a model."""
    return list(model._default_manager.all())  # noqa: SLF001 -- documented API


def allow_payload() -> None:
    """Let Vic see what was said, if he is there."""
    for user in User.objects.filter(username="vic"):
        user.user_permissions.add(Permission.objects.get(codename="view_payload"))


pytestmark = pytest.mark.usefixtures("story")


def test_viewer_meets_nothing_personal_on_any_page(viewer: Client) -> None:
    """Without the permission, no page has a number, a transcript, or a word of the analysis."""
    views = Permission.objects.filter(codename__startswith="view_")
    user = User.objects.get(username="vic")
    user.user_permissions.add(*views.exclude(codename="view_payload"))
    opened = [viewer.get(page) for page in every_page()]
    assert not [page.request["PATH_INFO"] for page in opened if page.status_code != 200]
    for response in opened:
        for personal in PERSONAL:
            assert personal not in response.text, response.request["PATH_INFO"]


def test_administrator_meets_each_personal_fact_somewhere(staff: Client) -> None:
    """The canaries are really there to be seen: the test above looks for the right thing."""
    everything = "".join(staff.post(page).text for page in every_look())
    for personal in PERSONAL:
        assert personal in everything


@pytest.mark.parametrize("person", ["staff", "operator"])
def test_nobody_meets_what_was_said_without_asking(
    request: pytest.FixtureRequest, person: str
) -> None:
    """With every permission, too, all lists and pages are masked until one asks."""
    client: Client = request.getfixturevalue(person)
    allow_payload()
    models: list[type[Model]] = [*MASKED, Delivery, RejectionCount, Attempt, Replay]
    for model in models:
        for page in [list_of(model), *map(page_of, list_rows(model))]:
            html = client.get(page).text
            for personal in PERSONAL:
                assert personal not in html, page


@pytest.mark.parametrize("model", MASKED)
def test_lists_have_nothing_personal_for_anyone(staff: Client, model: type[Event]) -> None:
    """Not even an administrator's lists have what was said."""
    html = staff.get(list_of(model)).text
    for personal in PERSONAL:
        assert personal not in html


def test_ledger_tells_how_a_number_ends(staff: Client) -> None:
    """In lists and on masked pages: enough to tell two people apart, and too little to dial."""
    models: list[type[Model]] = [LedgerContact, LedgerTicket, LedgerFollowUp]
    for model in models:
        (row,) = list_rows(model)
        for page in (list_of(model), page_of(row)):
            assert "phone number, ends in 78" in staff.get(page).text


@pytest.mark.parametrize("model", LEDGER)
def test_a_look_at_the_ledger_shows_its_row_and_is_written_down_once(
    staff: Client, model: type[Model]
) -> None:
    """All that is masked on the page is shown, and offers nothing that could change the row."""
    (row,) = list_rows(model)
    assert "Show what was said" in staff.get(page_of(row)).text
    html = staff.post(address(model, "look", row.pk)).text
    assert not (hidden := set(SHOWN[model]) - {text for text in PERSONAL if text in html}), hidden
    assert 'name="_save"' not in html
    entry = AuditEntry.objects.get(action=AuditEntry.Action.PAYLOAD_SEEN)
    assert (entry.subject_type, entry.subject_id) == (model._meta.label_lower, str(row.pk))  # noqa: SLF001 -- documented API


def test_status_of_masked_work_is_changed_without_a_look(staff: Client) -> None:
    """Saving the masked page keeps what it does not show."""
    (ticket,) = LedgerTicket.objects.all()
    assert staff.post(page_of(ticket), {"status": "done"}).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.status, ticket.subject) == ("done", TRANSCRIPT)
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.PAYLOAD_SEEN).exists()


def test_viewer_does_not_load_the_payload(viewer: Client, story: Story) -> None:
    """What is not shown is not read either: it cannot reach an error report."""
    event = viewer.get(page_of(story.ended)).context["original"]
    assert "body" in event.get_deferred_fields()
    effect = viewer.get(page_of(story.failed)).context["original"]
    assert "request" in effect.get_deferred_fields()


def test_one_permission_opens_what_was_said(viewer: Client, story: Story) -> None:
    """It is the permission to see payloads that makes the difference, and nothing else."""
    assert {viewer.post(page).status_code for page in every_look()} == {403}
    allow_payload()
    everything = "".join(viewer.post(page).text for page in every_look())
    for personal in PERSONAL:
        assert personal in everything
    assert story.ended


@pytest.mark.parametrize("person", ["staff", "viewer"])
def test_no_page_shows_a_secret(request: pytest.FixtureRequest, person: str) -> None:
    """Neither a source's page nor the history nor any list has it, in the clear or encrypted."""
    client: Client = request.getfixturevalue(person)
    for page in every_page():
        html = client.get(page).text
        assert SECRET not in html
        assert "gAAAAA" not in html


def test_person_without_permissions_is_refused_everywhere(story: Story) -> None:
    """To be staff is not enough for any page but the start page and that of one's own tokens."""
    assert story
    client = Client()
    client.force_login(User.objects.create_user("nil", is_staff=True))
    open_pages = {page for page in every_page() if client.get(page).status_code != 403}
    assert open_pages == {reverse("admin:index"), list_of(ApiToken)}


def test_viewer_of_events_alone_sees_no_deliveries_or_effects_on_their_pages(story: Story) -> None:
    """What somebody may not open they do not see on another page either."""
    user = User.objects.create_user("eve", is_staff=True)
    for codename in ("view_event", "view_conversation"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(user)
    event = client.get(page_of(story.ended))
    assert event.context["reasons"] == []
    for page in (event, client.get(page_of(story.conversation))):
        days = page.context["days"]
        assert {entry.kind for day in days.values() for entry in day} == {"event"}
