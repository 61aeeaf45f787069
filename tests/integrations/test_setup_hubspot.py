"""The command that sets an account up."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from integrations.management.commands.setup_hubspot import find_backends
from tests.commands.typed import type_command
from tests.contracts.requests import make_contact_update, make_follow_up
from tests.fakes.hubspot import SCHEMAS
from tests.fakes.hubspot_definitions import Definition
from tests.integrations.hubspot_account import Account, open_account

pytestmark = pytest.mark.django_db(transaction=True)

ALL = [
    "contacts.switchboard_phone",
    "calls.switchboard_conversation",
    "calls.switchboard_version",
    "tasks.switchboard_key",
]


@pytest.fixture
def fake() -> Iterator[Account]:
    """Start an account that was not set up."""
    with open_account() as account:
        account.forget_setup()
        yield account


@pytest.fixture
def bound(fake: Account, settings: Settings) -> Iterator[None]:
    """Bind the CRM and the task list to the account."""
    ledger = "integrations.{0}.ledger.Ledger{1}"
    settings.INTEGRATIONS = {
        "crm": {"BACKEND": "integrations.crm.hubspot.HubSpotCRM", "OPTIONS": fake.build_options()},
        "tickets": {"BACKEND": ledger.format("tickets", "Tickets")},
        "usage": {"BACKEND": ledger.format("usage", "Usage")},
        "tasks": {
            "BACKEND": "integrations.tasks.hubspot.HubSpotTasks",
            "OPTIONS": fake.build_options(),
        },
    }
    yield
    fake.backends += find_backends()


def count_writes(fake: Account) -> int:
    """Return how many requests were to change something."""
    return len([entry for entry in fake.log if entry.method != "GET"])


@pytest.mark.usefixtures("bound")
def test_setup_creates_what_the_backends_need(fake: Account) -> None:
    """After it an account that refused everything takes calls and tasks."""
    typed = type_command("setup_hubspot")
    assert typed.status == 0
    assert typed.out.splitlines() == [f"{name} was created." for name in ALL]
    crm, tasks = fake.make_crm(), fake.make_tasks()
    assert list(crm.diagnose()) == list(tasks.diagnose()) == []
    crm.apply(make_contact_update())
    tasks.apply(make_follow_up())
    assert len(fake.get_calls()) == len(fake.get_tasks()) == 1


@pytest.mark.usefixtures("bound")
def test_second_setup_changes_nothing(fake: Account) -> None:
    """It can be run again at any time, and says that all is there."""
    type_command("setup_hubspot")
    before = count_writes(fake)
    typed = type_command("setup_hubspot")
    assert typed.out.splitlines() == [f"{name} is there." for name in ALL]
    assert count_writes(fake) == before


@pytest.mark.usefixtures("bound")
def test_setup_that_was_cut_off_is_finished_by_the_next(fake: Account) -> None:
    """A connection that breaks in the middle leaves nothing that the next run trips over."""
    fake.drop_after(method="POST")
    assert type_command("setup_hubspot").status == 1
    typed = type_command("setup_hubspot")
    assert typed.out.splitlines()[:2] == [f"{ALL[0]} is there.", f"{ALL[1]} was created."]


@pytest.mark.usefixtures("bound")
def test_property_that_somebody_else_is_making_is_there(fake: Account) -> None:
    """Two setups at once end alike."""
    definition = Definition("switchboard_phone", group="contactinformation", is_unique=True)
    fake.before_write = lambda: fake.records.define("contacts", definition)
    assert type_command("setup_hubspot").status == 0


@pytest.mark.usefixtures("bound")
def test_dry_run_creates_nothing(fake: Account) -> None:
    """It says what would be created."""
    typed = type_command("setup_hubspot", "--dry-run")
    assert typed.out.splitlines() == [f"{name} would be created." for name in ALL]
    assert count_writes(fake) == 0


@pytest.mark.usefixtures("bound")
def test_property_whose_values_may_repeat_is_not_taken(fake: Account) -> None:
    """A property of the name that does not keep records apart stops the setup."""
    fake.records.define("contacts", Definition("switchboard_phone", group="contactinformation"))
    typed = type_command("setup_hubspot")
    assert typed.status == 1
    assert "contacts.switchboard_phone" in typed.error
    assert "delete the property" in typed.error


@pytest.mark.usefixtures("bound")
def test_key_without_the_scope_is_a_sentence(fake: Account) -> None:
    """What the key may not do ends the command with HubSpot's code, not with a traceback."""
    fake.scopes -= {SCHEMAS}
    typed = type_command("setup_hubspot")
    assert typed.status == 1
    assert "MISSING_SCOPES" in typed.error


def test_setup_without_hubspot_says_where_to_begin() -> None:
    """With the ledger alone there is nothing to set up."""
    typed = type_command("setup_hubspot")
    assert typed.status == 1
    assert "docs/integrations/hubspot.md" in typed.error
