"""The ledger as a CRM."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from django.db import connection, connections, transaction

from integrations.base import Backend, Request, Result
from integrations.crm.base import ContactUpdate
from integrations.crm.ledger import LedgerCRM
from integrations.facts import Goal
from integrations.ledger.models import LedgerActivity, LedgerContact
from tests.contracts.kind_contracts import AtomicCRMContract
from tests.contracts.requests import make_contact_update
from tests.integrations.ledger_rows import LedgerRows
from tests.integrations.waiting import wait_for_blocked_statement

pytestmark = pytest.mark.django_db(transaction=True)


class TestLedgerCRM(LedgerRows, AtomicCRMContract):
    """The ledger keeps a CRM's promises."""

    model = LedgerActivity
    identity = "conversation_uuid"
    kept = (
        "version",
        "direction",
        "channel",
        "status",
        "agent_name",
        "organization_name",
        "started_at",
        "ended_at",
        "duration_seconds",
        "answer_status",
        "summary",
        "score",
    )

    def make_backend(self) -> LedgerCRM:
        """Return the backend."""
        return LedgerCRM("crm", {})

    def read_record(self, backend: Backend[Any], request: Request) -> dict[str, Any]:
        """Read the goals back from JSON as well."""
        row = LedgerActivity.objects.get(conversation_uuid=request.conversation.conversation_uuid)
        goals = msgspec.convert(row.goals, tuple[Goal, ...])
        return {**super().read_record(backend, request), "goals": goals}


def apply(update: ContactUpdate) -> Result:
    """Apply `update` with a backend of its own."""
    return LedgerCRM("crm", {}).apply(update)


def apply_and_close(update: ContactUpdate) -> Result:
    """Apply `update` from a thread that leaves no connection behind."""
    try:
        return apply(update)
    finally:
        connections.close_all()


def test_conversations_of_one_caller_meet_in_one_contact() -> None:
    """A number's formatting does not make another contact."""
    for turn, number in enumerate(["+49 30 1234", "0049301234", "+49301234"]):
        apply(make_contact_update(conversation_uuid=f"c-{turn}", phone_number=number))
    contact = LedgerContact.objects.get()
    assert contact.phone_number == "+49301234"
    assert contact.activities.count() == 3


def test_conversation_without_a_number_has_no_contact() -> None:
    """Hidden callers are not lumped together as one person."""
    apply(make_contact_update(phone_number=""))
    assert LedgerActivity.objects.get().contact is None
    assert not LedgerContact.objects.exists()


def test_number_that_becomes_known_later_brings_the_contact() -> None:
    """A newer version that knows the number links the activity."""
    apply(make_contact_update(version=1, phone_number=""))
    apply(make_contact_update(version=2, phone_number="+49301234"))
    contact = LedgerActivity.objects.get().contact
    assert contact is not None
    assert contact.phone_number == "+49301234"


def test_older_version_that_waited_for_a_newer_one_changes_nothing() -> None:
    """The version is compared after the newer update's commit, not when the older one began."""
    apply(make_contact_update(version=1))
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            # Locked, not written yet: the late update gets as far as its own write, and waits.
            LedgerActivity.objects.select_for_update().get()
            late = thread.submit(apply_and_close, make_contact_update(version=2))
            wait_for_blocked_statement(connection)
            LedgerActivity.objects.update(version=3, summary="The newest")
        late.result(timeout=10)
    activity = LedgerActivity.objects.get()
    assert (activity.version, activity.summary) == (3, "The newest")


def test_newer_version_that_waited_for_the_first_insert_is_written() -> None:
    """An update that finds its row only once another worker has committed it still wins."""
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            apply(make_contact_update(version=1))
            newer = thread.submit(apply_and_close, make_contact_update(version=2))
            wait_for_blocked_statement(connection)
        newer.result(timeout=10)
    assert LedgerActivity.objects.get().version == 2


def test_erased_contact_takes_the_activities_along() -> None:
    """Nothing that was said with a person outlives the person's erasure."""
    apply(make_contact_update())
    LedgerContact.objects.get().delete()
    assert not LedgerActivity.objects.exists()


def test_result_leads_to_the_admin() -> None:
    """The URL is the path of the activity's page."""
    result = apply(make_contact_update())
    activity = LedgerActivity.objects.get()
    assert result == Result(
        external_id=str(activity.pk), url=f"/admin/ledger/ledgeractivity/{activity.pk}/change/"
    )
