"""The receiver in the documentation does what it is there to show."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from integrations.crm.webhook import WebhookCRM
from integrations.exceptions import AccessDenied
from integrations.tickets.webhook import WebhookTickets
from tests.contracts.requests import make_contact_update, make_ticket_request
from tests.fakes.webhook import SECRET
from tests.integrations.webhook_service import make_options
from tests.processes import BASE_DIR, find_free_port

pytestmark = pytest.mark.django_db

PAGE = BASE_DIR / "docs" / "integrations" / "webhook.md"


@dataclass(frozen=True, slots=True)
class Receiver:
    """The documentation's receiver, running."""

    url: str
    database: Path

    def read(self, statement: str) -> list[tuple[object, ...]]:
        """Return what it holds."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Run the page's block of Python, as it stands."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "receiver.py").write_text(program)
    port = find_free_port()
    process = subprocess.Popen(
        [sys.executable, "receiver.py"],
        cwd=tmp_path,
        env=os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            wait_for(f"http://127.0.0.1:{port}")
            yield Receiver(f"http://127.0.0.1:{port}", tmp_path / "received.db")
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    """Return as soon as something answers there; fail after ten seconds."""
    end = time.monotonic() + 10
    while True:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def test_ticket_is_taken_once(receiver: Receiver) -> None:
    """A repetition gets the same answer and makes no other ticket."""
    tickets = WebhookTickets("tickets", make_options(receiver.url))
    first = tickets.apply(make_ticket_request())
    assert tickets.apply(make_ticket_request()) == first
    tickets.apply(make_ticket_request(idempotency_key="another"))
    assert receiver.read("SELECT id, type FROM work") == [
        (1, "tickets.ticket_request"),
        (2, "tickets.ticket_request"),
    ]


def test_highest_version_stays(receiver: Receiver) -> None:
    """Whatever the order."""
    crm = WebhookCRM("crm", make_options(receiver.url))
    for version in (1, 3, 2):
        crm.apply(make_contact_update(version=version, summary=f"Summary {version}"))
    ((held,),) = receiver.read("SELECT data FROM calls")
    assert json.loads(str(held))["conversation"]["summary"] == "Summary 3"


def test_other_secret_is_refused(receiver: Receiver) -> None:
    """Nothing is done for a stranger."""
    secret = "whsec_" + b64encode(b"a stranger's secret, also long").decode()
    tickets = WebhookTickets("tickets", make_options(receiver.url, SECRET=secret))
    with pytest.raises(AccessDenied):
        tickets.apply(make_ticket_request())
    assert receiver.read("SELECT * FROM work") == []


def test_diagnosis_is_content_with_it(receiver: Receiver) -> None:
    """It takes POST alone, and says so in its own way."""
    assert WebhookTickets("tickets", make_options(receiver.url)).diagnose() == []
