"""Integrations that go wrong in ways that only a process of its own can show."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from integrations.base import Backend, Request, Result
from integrations.crm.ledger import LedgerCRM
from integrations.exceptions import TemporaryFailure
from integrations.kinds import REQUESTS
from integrations.ledger.backend import LedgerBackend
from integrations.options import Options
from integrations.tasks.ledger import LedgerTasks
from integrations.tickets.ledger import LedgerTickets
from integrations.usage.ledger import LedgerUsage

LEDGERS: dict[str, type[LedgerBackend[Any]]] = {
    "crm": LedgerCRM,
    "tickets": LedgerTickets,
    "usage": LedgerUsage,
    "tasks": LedgerTasks,
}


class TroubleOptions(Options, frozen=True, kw_only=True):
    """Where the trouble leaves its mark."""

    mark: str


class Troubled(Backend[Any]):
    """Does what the ledger does, with trouble around it."""

    serves = frozenset(REQUESTS)
    options_class = TroubleOptions
    options: TroubleOptions

    def apply(self, request: Request) -> Result:
        """Write the request to the ledger."""
        return LEDGERS[self.alias](self.alias, {}).apply(request)

    def is_first(self) -> bool:
        """Tell whether nobody has made trouble before, and leave the mark."""
        try:
            with Path(self.options.mark).open("x") as mark:
                mark.write(str(os.getpid()))
        except FileExistsError:
            return False
        return True


class HangsAfterwards(Troubled):
    """The first usage record is written, and then the vendor's answer never comes."""

    def apply(self, request: Request) -> Result:
        """Write the request, and hang if it is the first."""
        result = super().apply(request)
        if self.alias == "usage" and self.is_first():
            time.sleep(60)
        return result


class Slow(Troubled):
    """Every call takes a second and a half."""

    def apply(self, request: Request) -> Result:
        """Write the request in the middle of that."""
        self.is_first()
        time.sleep(1)
        result = super().apply(request)
        time.sleep(0.5)
        return result


class DeafToLimits(Troubled):
    """The first usage record's call hangs and heeds no time limit; the next finds that one gone."""

    def apply(self, request: Request) -> Result:
        """Hang if it is the first, or else write the request."""
        if self.alias == "usage":
            if self.is_first():
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
                time.sleep(60)
            first = int(Path(self.options.mark).read_text())
            assert not Path(f"/proc/{first}").exists(), "the first call is still under way"
        return super().apply(request)


class UsageHangs(Troubled):
    """The billing system never answers; the others do."""

    def apply(self, request: Request) -> Result:
        """Write the request, unless it is a usage record."""
        if self.alias == "usage":
            self.is_first()
            time.sleep(60)
        return super().apply(request)


class RefusesPoison(Troubled):
    """Takes everything but what is asked for a conversation whose name says that it is poison."""

    def apply(self, request: Request) -> Result:
        """Write the request, unless it is poison."""
        if "poison" in request.idempotency_key:
            raise TemporaryFailure("The vendor cannot take this one.")
        return super().apply(request)


class QuotesPayload(Troubled):
    """Every effect fails with its request in the words, in each of the ways that code can fail."""

    def apply(self, request: Request) -> Result:
        """Raise."""
        words = repr(request)
        match self.alias:
            case "crm":
                raise KeyError(words) from ValueError(words)
            case "usage":
                raise ExceptionGroup(words, [ValueError(words)])
            case "tickets":
                # What a worker does not catch: Celery ends the child that it runs in.
                raise SystemExit(words)
            case _:
                time.sleep(60)  # Celery's soft time limit ends it
                raise AssertionError(words)
