"""The ledger as a task list."""

import pytest

from integrations.ledger.models import LedgerFollowUp, WorkStatus
from integrations.tasks.ledger import LedgerTasks
from tests.contracts.kind_contracts import TasksContract
from tests.contracts.requests import make_follow_up
from tests.integrations.ledger_rows import LedgerRows

pytestmark = pytest.mark.django_db(transaction=True)


class TestLedgerTasks(LedgerRows, TasksContract):
    """The ledger keeps a task list's promises."""

    model = LedgerFollowUp
    kept = ("conversation_uuid", "title", "description", "due_at", "assignee")

    def make_backend(self) -> LedgerTasks:
        """Return the backend."""
        return LedgerTasks("tasks", {})


def test_follow_up_is_open_with_its_number() -> None:
    """What the table keeps in its own form is there too."""
    result = LedgerTasks("tasks", {}).apply(make_follow_up(phone_number="0049 30 1234"))
    follow_up = LedgerFollowUp.objects.get()
    assert follow_up.status == WorkStatus.OPEN
    assert follow_up.phone_number == "+49301234"
    assert result.url == f"/admin/ledger/ledgerfollowup/{follow_up.pk}/change/"
