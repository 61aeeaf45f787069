"""HubSpot as the task list."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.base import Backend, Result
from integrations.clients.hubspot.properties import make_unique_value
from integrations.crm.base import ContactUpdate
from integrations.exceptions import TemporaryFailure
from integrations.http.client import VendorClient
from integrations.tasks.base import FollowUp
from integrations.tasks.hubspot import HubSpotTasks
from tests.contracts.backend_contract import apply_together
from tests.contracts.kind_contracts import TasksContract
from tests.contracts.requests import make_contact_update, make_follow_up
from tests.contracts.vendor_contract import VendorContract
from tests.fakes.hubspot import ACCESS_TOKEN, FakeHubSpot
from tests.fakes.server import FakeServer
from tests.integrations.hubspot_account import Account, open_account
from tests.integrations.hubspot_html import read_text

pytestmark = pytest.mark.django_db(transaction=True)


class TestHubSpotTasks(VendorContract[FollowUp], TasksContract):
    """HubSpot keeps a task list's promises."""

    SECRETS = (ACCESS_TOKEN,)
    fake: FakeHubSpot

    def make_fake(self) -> FakeServer:
        """Return an account."""
        return FakeHubSpot()

    def make_vendor_backend(self, url: str) -> HubSpotTasks:
        """Return the backend."""
        return HubSpotTasks("tasks", {"ACCESS_TOKEN": ACCESS_TOKEN, "BASE_URL": url, "RATE": ""})

    def find_clients(self, backend: Backend[Any]) -> list[VendorClient]:
        """Return the client below HubSpot's own."""
        assert isinstance(backend, HubSpotTasks)
        return [backend.client.http]

    def count_records(self, backend: Backend[Any]) -> int:  # noqa: ARG002 -- the fake holds them
        """Count the tasks, each on its contact, and see that no contact has doubled."""
        numbers = [contact["switchboard_phone"] for contact in self.fake.get_contacts()]
        assert len(numbers) == len(set(numbers))
        assert all(len(task["contacts"]) == min(1, len(numbers)) for task in self.fake.get_tasks())
        return len(self.fake.get_tasks())

    def read_record(self, backend: Backend[Any], request: FollowUp) -> dict[str, Any]:  # noqa: ARG002
        """Read a task back; what its body holds as HTML counts as held where it is there."""
        key = make_unique_value(request.idempotency_key)
        (task,) = (task for task in self.fake.get_tasks() if task["switchboard_key"] == key)
        body = read_text(task.get("hs_task_body", ""))
        texts = {"description": request.description, "assignee": request.assignee}
        held: dict[str, Any] = {
            name: text if "".join(text.split()) in body else None for name, text in texts.items()
        }
        due = datetime.fromtimestamp(int(task["hs_timestamp"]) / 1000, UTC)
        title = task.get("hs_task_subject", "")
        return held | {
            # White space at its ends is lost.
            "title": request.title if title == request.title.strip() else title,
            "due_at": request.due_at and due,
        }


@pytest.fixture
def fake() -> Iterator[Account]:
    """Start an account."""
    with open_account() as account:
        yield account


def test_task_says_what_to_do_and_by_when(fake: Account) -> None:
    """Subject, notes, due date and state are in their fields, and the task is on the contact."""
    result = fake.make_tasks().apply(make_follow_up())
    (task,) = fake.get_tasks()
    assert task == {
        "id": task["id"],
        "hs_object_id": task["id"],
        "createdate": task["createdate"],
        "switchboard_key": "tasks:c-1:0",
        "hs_timestamp": "1772616600000",
        "hs_task_subject": "Call back",
        "hs_task_body": task["hs_task_body"],
        "hs_task_status": "NOT_STARTED",
        "hs_task_type": "TODO",
        "contacts": [fake.get_contacts()[0]["id"]],
    }
    assert read_text(task["hs_task_body"]) == "Abouttheinvoice.For:BillingConversation"
    assert result == Result(
        external_id=task["id"],
        url=f"https://app.hubspot.com/contacts/4711/record/0-27/{task['id']}",
    )


def test_task_without_a_date_is_due_a_day_after_it_came_up(fake: Account) -> None:
    """The date hangs on the event, not on when the effect happens to run."""
    fake.make_tasks().apply(make_follow_up(due_at=None))
    assert fake.get_tasks()[0]["hs_timestamp"] == "1772703000000"


@pytest.mark.parametrize("due_at", [None, datetime.max.replace(tzinfo=UTC)])
def test_last_date_there_is_is_no_trouble(fake: Account, due_at: datetime | None) -> None:
    """A date at the end of all dates is HubSpot's to judge."""
    fake.make_tasks().apply(make_follow_up(due_at=due_at))
    assert len(fake.get_tasks()) == 1


@pytest.mark.parametrize(("assignee", "owner"), [("Billing", "7001"), ("nobody", ""), ("", "")])
def test_assignee_becomes_the_owner_that_the_setting_names(
    fake: Account, assignee: str, owner: str
) -> None:
    """Whom the analysis asks for is an owner in HubSpot, or else only in the notes."""
    tasks = fake.make_tasks(ASSIGNEES={"billing": "7001"})
    tasks.apply(make_follow_up(assignee=assignee))
    (task,) = fake.get_tasks()
    assert task.get("hubspot_owner_id", "") == owner
    assert ("For:" in task["hs_task_body"]) == bool(assignee)


def test_templates_of_the_setting_replace_and_add_fields(fake: Account) -> None:
    """An operator's templates win, also over what is not made by a template."""
    tasks = fake.make_tasks(FIELDS={"hs_task_type": "CALL", "hs_timestamp": "1800000000000"})
    tasks.apply(make_follow_up())
    (task,) = fake.get_tasks()
    assert (task["hs_task_type"], task["hs_timestamp"]) == ("CALL", "1800000000000")


def test_task_that_people_have_done_stays_done(fake: Account) -> None:
    """A replay finds the task and changes nothing about it."""
    tasks = fake.make_tasks()
    first = tasks.apply(make_follow_up())
    record = next(iter(fake.records.by_type["tasks"].values()))
    fake.records.update(record, {"hs_task_status": "COMPLETED", "hs_task_subject": "Done"})
    assert tasks.apply(make_follow_up()) == first
    (task,) = fake.get_tasks()
    assert (task["hs_task_status"], task["hs_task_subject"]) == ("COMPLETED", "Done")


def test_crash_after_any_request_is_healed_by_the_next_run(fake: Account) -> None:
    """Wherever the connection breaks, one contact, one task and one association come of it."""
    tasks = fake.make_tasks()
    tasks.apply(make_follow_up(idempotency_key="whole", phone_number="+4930999"))
    requests = len(fake.log)
    assert requests == 6  # task, contact, search, contact made, task made, association
    for place in range(requests):
        number, key = f"+49301{place}", f"key-{place}"
        request = make_follow_up(idempotency_key=key, phone_number=number)
        if place:
            fake.slow(0, times=place)
        fake.drop_after()
        with pytest.raises(TemporaryFailure):
            tasks.apply(request)
        tasks.apply(request)
        (contact,) = (c["id"] for c in fake.get_contacts() if c["switchboard_phone"] == number)
        (task,) = (t for t in fake.get_tasks() if t["switchboard_key"] == key)
        assert task["contacts"] == [contact]
    assert len(fake.get_contacts()) == len(fake.get_tasks()) == requests + 1


def test_tasks_of_one_new_number_meet_in_one_contact(fake: Account) -> None:
    """Ten at once, with an index that knows nothing yet, are ten tasks on one contact."""
    fake.index_lag = 60
    requests = [make_follow_up(idempotency_key=f"key-{n}") for n in range(10)]
    apply_together(fake.make_tasks(), requests)
    (contact,) = fake.get_contacts()
    assert [task["contacts"] for task in fake.get_tasks()] == [[contact["id"]]] * 10


def test_call_and_task_share_the_contact(fake: Account) -> None:
    """The CRM and the task list know a caller as the same contact."""
    update: ContactUpdate = make_contact_update()
    fake.make_crm().apply(update)
    fake.make_tasks().apply(make_follow_up())
    (contact,) = fake.get_contacts()
    assert fake.get_calls()[0]["contacts"] == fake.get_tasks()[0]["contacts"] == [contact["id"]]


def test_follow_up_without_a_number_is_a_task_alone(fake: Account) -> None:
    """A web call's follow-up has nobody to be put on."""
    fake.make_tasks().apply(make_follow_up(phone_number=""))
    assert fake.get_tasks()[0]["contacts"] == []
    assert fake.get_contacts() == []


def test_diagnosis_says_that_the_setup_is_missing(fake: Account) -> None:
    """What the task list needs is the contact's property and its own."""
    fake.forget_setup()
    contact, task = fake.make_tasks().diagnose()
    assert "switchboard_phone" in contact
    assert "switchboard_key of tasks is missing: run manage.py setup_hubspot" in task


def test_wrong_template_is_found_by_the_check(fake: Account) -> None:
    """A template that asks for what is not there is an error with its option's name."""
    (message,) = fake.make_tasks(FIELDS={"hs_task_body": "{{ request.titel }}"}).check()
    assert message.id == "integrations.E011"
    assert "FIELDS" in message.msg
