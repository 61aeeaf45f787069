"""How the contract suites reach what the ledger holds."""

from typing import Any

from django.db.models import Model

from integrations.base import Backend, Request
from tests.contracts.backend_contract import read_said


class LedgerRows:
    """For a contract suite whose records are the rows of `model`."""

    model: type[Model]
    identity: str = "idempotency_key"
    """The request's field that finds its row."""
    kept: tuple[str, ...]
    """The request's fields that the row keeps as they are."""

    def count_records(self, backend: Backend[Any]) -> int:  # noqa: ARG002 -- they share the tables
        """Count the rows."""
        return self.model._default_manager.count()  # noqa: SLF001 -- documented API

    def read_record(self, backend: Backend[Any], request: Request) -> dict[str, Any]:  # noqa: ARG002
        """Read the request's row."""
        found = {self.identity: read_said(request, self.identity)}
        row = self.model._default_manager.get(**found)  # noqa: SLF001 -- documented API
        return {name: getattr(row, name) for name in (self.identity, *self.kept)}
