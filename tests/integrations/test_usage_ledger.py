"""The ledger as a billing system."""

import pytest
from django.db import DatabaseError, connection

from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.ledger.models import LedgerUsageRecord
from integrations.usage.ledger import LedgerUsage
from tests.contracts.kind_contracts import UsageContract
from tests.contracts.requests import make_usage_record
from tests.integrations.ledger_rows import LedgerRows

pytestmark = pytest.mark.django_db(transaction=True)


class TestLedgerUsage(LedgerRows, UsageContract):
    """The ledger keeps a billing system's promises."""

    model = LedgerUsageRecord
    kept = (
        "conversation_uuid",
        "organization_uuid",
        "agent_uuid",
        "campaign_uuid",
        "seconds",
        "occurred_at",
    )

    def make_backend(self) -> LedgerUsage:
        """Return the backend."""
        return LedgerUsage("usage", {})


@pytest.mark.parametrize("seconds", [2**63, 10**4000])
def test_number_that_no_column_holds_is_a_permanent_failure(seconds: int) -> None:
    """A length of 4,000 digits is for people to look at, not to be tried for a day."""
    with pytest.raises(PermanentFailure, match="cannot hold") as caught:
        LedgerUsage("usage", {}).apply(make_usage_record(seconds=seconds))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not LedgerUsageRecord.objects.exists()


def test_database_trouble_is_a_temporary_failure_without_the_row() -> None:
    """The database quotes rows in its messages; neither text nor traceback passes that on."""
    with pytest.raises(TemporaryFailure, match="CheckViolation") as caught:
        LedgerUsage("usage", {}).apply(make_usage_record(seconds=-1, agent_uuid="Secret agent"))
    assert "Secret agent" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_negative_seconds_cannot_be_stored() -> None:
    """The table itself refuses a negative bill."""
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_ledgerusagerecord (created_at, idempotency_key, conversation_uuid,"
            " organization_uuid, agent_uuid, campaign_uuid, seconds, occurred_at)"
            " VALUES (now(), 'k', 'c', '', '', '', -1, now())"
        )
