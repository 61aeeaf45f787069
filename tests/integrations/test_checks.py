"""What `manage.py check` says of a wrong setting, by its id."""

from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, run_checks
from pytest_django import Settings

from integrations.checks import check_integrations

MEMORY = {"BACKEND": "integrations.memory.MemoryBackend"}
SOUND: dict[str, Any] = dict.fromkeys(("crm", "tickets", "usage", "tasks"), MEMORY)
BACKENDS = "tests.integrations.backends"


def check(settings: Settings, integrations: object) -> list[CheckMessage]:
    """Return what the check says of `integrations`."""
    settings.INTEGRATIONS = integrations
    return check_integrations(app_configs=None)


def test_default_and_memory_settings_are_sound(settings: Settings) -> None:
    """The shipped setting, and one for tests, pass without a word."""
    assert check_integrations(app_configs=None) == []
    assert check(settings, SOUND) == []


@pytest.mark.parametrize(
    ("integrations", "check_id"),
    [
        pytest.param([], "integrations.E001", id="not a dictionary"),
        pytest.param({k: MEMORY for k in SOUND if k != "crm"}, "integrations.E002", id="missing"),
        pytest.param({**SOUND, "crn": MEMORY}, "integrations.E003", id="unknown alias"),
        pytest.param({**SOUND, "crm": "path"}, "integrations.E004", id="binding not a dictionary"),
        pytest.param({**SOUND, "crm": {}}, "integrations.E005", id="no BACKEND"),
        pytest.param({**SOUND, "crm": {"BACKEND": 7}}, "integrations.E005", id="no path"),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "no_such_module.CRM"}},
            "integrations.E006",
            id="no such module",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "integrations.memory.Nothing"}},
            "integrations.E006",
            id="no such class",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "LedgerCRM"}}, "integrations.E006", id="no dotted path"
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "integrations.base.Result"}},
            "integrations.E007",
            id="no backend",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "integrations.registry.get_backend"}},
            "integrations.E007",
            id="no class",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": "integrations.tickets.ledger.LedgerTickets"}},
            "integrations.E007",
            id="backend of another kind",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": f"{BACKENDS}.WithoutApply"}},
            "integrations.E007",
            id="no apply()",
        ),
        pytest.param(
            {**SOUND, "crm": {**MEMORY, "TOKEN": "t"}}, "integrations.E008", id="unknown key"
        ),
        pytest.param(
            {**SOUND, "crm": {**MEMORY, "OPTIONS": []}},
            "integrations.E009",
            id="OPTIONS not a dictionary",
        ),
        pytest.param(
            {**SOUND, "crm": {"BACKEND": f"{BACKENDS}.NeedsAToken"}},
            "integrations.E010",
            id="cannot be built",
        ),
        pytest.param(
            {
                **SOUND,
                "crm": {"BACKEND": "integrations.crm.ledger.LedgerCRM", "OPTIONS": {"A": 1}},
            },
            "integrations.E010",
            id="an option that there is not",
        ),
    ],
)
def test_mistake_is_one_error_with_a_hint(
    settings: Settings, integrations: object, check_id: str
) -> None:
    """Each mistake has its own id, says what to do, and is reported once."""
    [error] = check(settings, integrations)
    assert error.id == check_id
    assert isinstance(error, Error)
    assert error.hint


def test_all_mistakes_are_reported_at_once(settings: Settings) -> None:
    """Nobody has to mend one thing to hear of the next."""
    found = check(
        settings,
        {"crm": {"BACKEND": "no.such", "OPTIONS": 1, "X": 1}, "tickets": MEMORY, "usage": {}},
    )
    assert {error.id for error in found} == {
        "integrations.E002",
        "integrations.E005",
        "integrations.E006",
        "integrations.E008",
        "integrations.E009",
    }


def test_backend_has_its_own_say(settings: Settings) -> None:
    """What a backend's check() reports is reported."""
    [warning] = check(settings, {**SOUND, "crm": {"BACKEND": f"{BACKENDS}.SlowToBuild"}})
    assert warning.id == "slow.W001"


def test_ledger_that_is_not_installed_is_reported(settings: Settings) -> None:
    """The ledger's tables are an app of their own, which may have been left out."""
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app != "integrations.ledger"
    ]
    found = check_integrations(app_configs=None)
    assert {error.id for error in found} == {"ledger.E001"}
    assert len(found) == 4


def test_check_is_registered(settings: Settings) -> None:
    """`manage.py check`, and with it every start, runs it."""
    settings.INTEGRATIONS = {}
    assert "integrations.E002" in {message.id for message in run_checks()}
