"""What the four ledger backends have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import DataError, transaction
from django.db import Error as DatabaseError
from django.urls import reverse

from integrations.base import Backend, RequestT, Result
from integrations.exceptions import PermanentFailure, TemporaryFailure
from integrations.ledger.models import EffectRecord, LedgerRecord

RecordT = TypeVar("RecordT", bound=EffectRecord)


class LedgerBackend(Backend[RequestT]):
    """Writes a request to its table in one short transaction. A kind supplies `write`."""

    @abstractmethod
    def write(self, request: RequestT) -> LedgerRecord:
        """Write `request` and return its record, or the one that was there.

        Called inside a transaction that nothing else shares.
        """

    def apply(self, request: RequestT) -> Result:
        """Write `request`; the result names the record and its page in the admin."""
        # The database quotes the row in its messages, and tracebacks quote the message: neither
        # the text nor the cause may leave.
        try:
            with transaction.atomic():
                record = self.write(request)
        except (DataError, OverflowError) as error:  # the second is the driver's, for huge numbers
            raise PermanentFailure(
                f"The ledger cannot hold this request: {_name_cause(error)}"
            ) from None
        except DatabaseError as error:
            raise TemporaryFailure(f"The ledger was not written: {_name_cause(error)}") from None
        page = f"admin:{record._meta.label_lower.replace('.', '_')}_change"  # noqa: SLF001 -- documented API
        return Result(external_id=str(record.pk), url=reverse(page, args=[record.pk]))

    def check(self) -> Sequence[CheckMessage]:
        """Report a ledger without its tables."""
        messages: list[CheckMessage] = []
        if not apps.is_installed("integrations.ledger"):
            messages.append(
                Error(
                    f"INTEGRATIONS[{self.alias!r}] writes to the ledger, which is not installed.",
                    hint='Add "integrations.ledger" to INSTALLED_APPS and run migrate.',
                    id="ledger.E001",
                )
            )
        return messages


def insert_once(record: RecordT) -> RecordT:
    """Insert `record` unless its idempotency key is taken; return the row that has the key.

    Where another transaction is inserting the same key, Postgres waits for its end, so the row
    is there to be read whoever won.
    """
    model = type(record)
    model._default_manager.bulk_create([record], ignore_conflicts=True)  # noqa: SLF001 -- documented API
    return model._default_manager.only("pk").get(idempotency_key=record.idempotency_key)  # noqa: SLF001


def _name_cause(error: Exception) -> str:
    return type(error.__cause__ or error).__name__
