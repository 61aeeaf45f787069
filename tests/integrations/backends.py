"""Backends that real settings may name by mistake, or that show how the registry works."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from integrations.base import Alias, Result
from integrations.crm.base import CRM, ContactUpdate
from integrations.options import Options


class SlowToBuild(CRM):
    """Takes long enough to be built that threads overtake each other."""

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        time.sleep(0.05)
        super().__init__(alias, options)

    def apply(self, request: ContactUpdate) -> Result:
        """Do nothing."""
        return Result(external_id=request.idempotency_key)

    def check(self) -> Sequence[CheckMessage]:
        """Have something to say."""
        return [CheckWarning("It is slow.", id="slow.W001")]


class WithoutApply(CRM):
    """Forgot the one thing that it is for."""


class TokenOptions(Options, frozen=True, kw_only=True):
    """Options with one that there is no default for."""

    token: str


class NeedsAToken(SlowToBuild):
    """Cannot be built without its option."""

    options_class = TokenOptions
