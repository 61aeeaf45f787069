"""The ledger's pages, as staff use them."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.crm.ledger import LedgerCRM
from integrations.ledger.models import (
    LedgerActivity,
    LedgerContact,
    LedgerFollowUp,
    LedgerTicket,
    LedgerUsageRecord,
    WorkStatus,
)
from integrations.tasks.ledger import LedgerTasks
from integrations.tickets.ledger import LedgerTickets
from integrations.usage.ledger import LedgerUsage
from tests.contracts.requests import (
    make_contact_update,
    make_follow_up,
    make_ticket_request,
    make_usage_record,
)
from webhooks.models import AuditEntry, Conversation

pytestmark = pytest.mark.django_db

MODELS = [LedgerContact, LedgerActivity, LedgerTicket, LedgerFollowUp, LedgerUsageRecord]
READ_ONLY = [LedgerContact, LedgerActivity, LedgerUsageRecord]
NAMES = [str(model._meta.model_name) for model in MODELS]  # noqa: SLF001 -- documented API
SUMMARY = "A long summary that belongs on the page of one activity."


@pytest.fixture(autouse=True)
def _records() -> None:
    """Have one record in every table."""
    LedgerCRM("crm", {}).apply(make_contact_update(summary=SUMMARY))
    LedgerTickets("tickets", {}).apply(make_ticket_request(description=SUMMARY))
    LedgerUsage("usage", {}).apply(make_usage_record())
    LedgerTasks("tasks", {}).apply(make_follow_up(description=SUMMARY))


@pytest.fixture
def staff(client: Client) -> Client:
    """Return a browser in which an administrator has logged in."""
    client.force_login(User.objects.create_superuser("ada"))
    return client


def list_of(model: str) -> str:
    """Return the path of the model's list."""
    return reverse(f"admin:ledger_{model}_changelist")


def page_of(record: object) -> str:
    """Return the path of the record's page."""
    name = type(record).__name__.lower()
    return reverse(f"admin:ledger_{name}_change", args=[record.pk])  # type: ignore[attr-defined]


def look_of(record: object) -> str:
    """Return the path that shows the record's page in full."""
    name = type(record).__name__.lower()
    return reverse(f"admin:ledger_{name}_look", args=[record.pk])  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", NAMES)
def test_list_shows_records_and_no_long_text_or_number(staff: Client, model: str) -> None:
    """A list has its rows, but neither a summary, nor a description, nor a phone number."""
    response = staff.get(list_of(model))
    assert response.status_code == 200
    assert response.context["cl"].result_count == 1
    assert SUMMARY not in response.text
    assert "301234" not in response.text


@pytest.mark.parametrize("model", NAMES)
def test_list_does_not_load_long_texts(staff: Client, model: str) -> None:
    """What a list does not show it does not fetch either."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        staff.get(list_of(model))
    sql = " ".join(query["sql"] for query in queries)
    assert f'FROM "ledger_{model}"' in sql
    for column in ("summary", "description", "goals"):
        assert f'"{column}"' not in sql


@pytest.mark.parametrize("model", MODELS)
def test_page_of_a_record_opens(staff: Client, model: type[LedgerContact]) -> None:
    """Each record has its page."""
    assert staff.get(page_of(model.objects.get())).status_code == 200


@pytest.mark.parametrize("model", [LedgerActivity, LedgerTicket, LedgerFollowUp, LedgerUsageRecord])
def test_page_of_a_record_leads_to_its_conversation(
    staff: Client, model: type[LedgerTicket]
) -> None:
    """As soon as the conversation has a page, it is one click away; before, its id is there."""
    record = model.objects.get()
    uuid = record.conversation_uuid
    html = staff.get(page_of(record)).text
    assert uuid in html
    assert "/conversation/" not in html.partition('id="content-main"')[2]
    row = Conversation.objects.create(conversation_uuid=uuid)
    path = reverse("admin:webhooks_conversation_change", args=[row.pk])
    assert f'href="{path}"' in staff.get(page_of(record)).text


def test_pages_show_what_lists_leave_out(staff: Client) -> None:
    """The summary, the goals and the number are there for who asks for the one record's."""
    activity = staff.post(look_of(LedgerActivity.objects.get())).text
    assert SUMMARY in activity
    assert "Appointment made: not achieved No slot" in activity
    assert "+49301234" in staff.post(look_of(LedgerContact.objects.get())).text


@pytest.mark.parametrize("model", NAMES)
def test_nobody_adds_a_record(staff: Client, model: str) -> None:
    """Effects write the ledger, not people, administrators included."""
    assert staff.get(reverse(f"admin:ledger_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_nobody_deletes_a_record(staff: Client, model: type[LedgerContact]) -> None:
    """Neither on its page nor from the list."""
    record = model.objects.get()
    name = model._meta.model_name  # noqa: SLF001 -- documented API
    delete = reverse(f"admin:ledger_{name}_delete", args=[record.pk])
    assert staff.post(delete, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": record.pk, "post": "yes"}
    staff.post(list_of(str(name)), chosen)
    assert model.objects.filter(pk=record.pk).exists()


@pytest.mark.parametrize("model", READ_ONLY)
def test_written_records_cannot_be_changed(staff: Client, model: type[LedgerContact]) -> None:
    """Contacts, activities and usage records say what effects wrote."""
    assert staff.post(page_of(model.objects.get()), {"seconds": "1"}).status_code == 403


@pytest.mark.parametrize("model", [LedgerTicket, LedgerFollowUp])
def test_staff_change_the_status_of_work_and_nothing_else(
    staff: Client, model: type[LedgerTicket]
) -> None:
    """What else a form sends along is not taken."""
    record = model.objects.get()
    sent = {"status": "done", "description": "forged", "idempotency_key": "forged"}
    assert staff.post(page_of(record), sent).status_code == 302
    changed = model.objects.get()
    assert changed.status == WorkStatus.DONE
    assert (changed.description, changed.idempotency_key) == (SUMMARY, record.idempotency_key)
    assert changed.updated_at > record.updated_at


@pytest.mark.parametrize("model", [LedgerTicket, LedgerFollowUp])
def test_selected_work_is_done_and_reopened_from_the_list(
    staff: Client, model: type[LedgerTicket]
) -> None:
    """Both actions are in the list's menu, and the audit list names who used them."""
    record = model.objects.get()
    path = list_of(str(model._meta.model_name))  # noqa: SLF001 -- documented API
    menu = staff.get(path).text
    for action, status in (("mark_done", WorkStatus.DONE), ("reopen", WorkStatus.OPEN)):
        assert f'value="{action}"' in menu
        staff.post(path, {"action": action, "_selected_action": record.pk})
        assert model.objects.get().status == status
    assert model.objects.get().updated_at > record.updated_at
    entries = AuditEntry.objects.filter(action="changed", subject_id=str(record.pk)).order_by("pk")
    assert [entry.detail for entry in entries] == ["status: open → done", "status: done → open"]
    assert {entry.actor_name for entry in entries} == {"ada"}


def test_who_may_only_view_is_offered_no_action(client: Client) -> None:
    """The actions need the permission to change."""
    viewer = User.objects.create_user("vic", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_ledgerticket"))
    client.force_login(viewer)
    path = list_of("ledgerticket")
    assert client.get(path).status_code == 200
    client.post(path, {"action": "mark_done", "_selected_action": LedgerTicket.objects.get().pk})
    assert LedgerTicket.objects.get().status == WorkStatus.OPEN


@pytest.mark.parametrize(
    ("model", "term"),
    [
        ("ledgeractivity", "c-1"),
        ("ledgerticket", "c-1"),
        ("ledgerticket", "tickets:c-1:failed"),
        ("ledgerfollowup", "tasks:c-1:0"),
        ("ledgerusagerecord", "usage:c-1"),
        ("ledgerusagerecord", " c-1 "),
    ],
)
def test_search_finds_by_whole_ids(staff: Client, model: str, term: str) -> None:
    """A conversation and a key find their record."""
    assert staff.get(list_of(model), {"q": term}).context["cl"].result_count == 1


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("term", ["anonymous", "c-", "+49309999"])
def test_search_for_something_else_finds_nothing(staff: Client, model: str, term: str) -> None:
    """Neither a part of an id nor what is no number finds anyone."""
    LedgerTickets("tickets", {}).apply(
        make_ticket_request(idempotency_key="hidden", requester_phone="")
    )
    assert staff.get(list_of(model), {"q": term}).context["cl"].result_count == 0


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("number", ["+49301234", "+49 30 1234", "0049 30 1234", "49301234"])
def test_search_tells_nobody_whether_there_is_a_phone_number(
    staff: Client, model: str, number: str
) -> None:
    """It is asked for in an address, and by people who may not see the number: it finds nothing."""
    assert LedgerContact.objects.filter(phone_number="+49301234").exists()
    assert staff.get(list_of(model), {"q": number}).context["cl"].result_count == 0


def test_list_that_has_only_numbers_to_search_by_has_no_search(staff: Client) -> None:
    """Nobody is asked to type one where it would stand in the address."""
    offered = [bool(staff.get(list_of(model)).context["cl"].search_fields) for model in NAMES]
    assert offered == [model != "ledgercontact" for model in NAMES]


def test_assignee_is_for_who_may_see_what_was_said(client: Client) -> None:
    """The analysis names whom to call: it stands on no page without the permission."""
    user = User.objects.create_user("vic", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_ledgerfollowup"))
    client.force_login(user)
    row = LedgerFollowUp.objects.get()
    pages = [list_of("ledgerfollowup"), page_of(row)]
    assert client.post(look_of(row)).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_payload"))
    assert not any("Billing" in client.get(page).text for page in pages)
    assert "Billing" in client.post(look_of(row)).text


def test_contact_leads_to_its_activities(staff: Client) -> None:
    """The link on a contact's page lists that contact's activities only."""
    LedgerCRM("crm", {}).apply(make_contact_update(conversation_uuid="c-2", phone_number="+1"))
    contact = LedgerContact.objects.get(phone_number="+49301234")
    link = f"{list_of('ledgeractivity')}?contact__id__exact={contact.pk}"
    assert link in staff.get(page_of(contact)).text
    assert staff.get(link).context["cl"].result_count == 1
