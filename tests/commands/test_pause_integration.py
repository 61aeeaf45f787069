"""`pause_integration` and `resume_integration`."""

import pytest

from integrations.budget import admit, pause
from tests.commands.typed import run_command, type_command
from tests.integrations.budgets import read_budget
from webhooks.models import AuditEntry


@pytest.mark.django_db
def test_an_integration_is_paused_and_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence each, and with who typed it and why on the row."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("USER", "ada")
    paused = type_command("pause_integration", "crm", "--reason", "The vendor moves us.")
    assert (paused.status, paused.out) == (0, "Paused crm.\n")
    assert admit("crm").reason == "Paused by ada: The vendor moves us."
    resumed = type_command("resume_integration", "crm")
    assert (resumed.status, resumed.out) == (0, "crm: Lifted the pause by ada.\n")
    assert admit("crm").is_open
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.action, entry.door, entry.actor_name, entry.detail) for entry in entries] == [
        ("pause", "command", "ada", "The vendor moves us."),
        ("resume", "command", "ada", "Lifted the pause by ada."),
    ]


@pytest.mark.django_db
def test_what_is_so_already_is_said() -> None:
    """A second pause leaves the first one as it is."""
    pause("crm", "ada", "Because.")
    again = type_command("pause_integration", "crm", "--reason", "Another.")
    assert (again.status, again.out) == (0, "crm is paused already, by ada.\n")
    assert read_budget().paused_reason == "Because."
    idle = type_command("resume_integration", "tickets")
    assert (idle.status, idle.out) == (
        0,
        "tickets: Neither paused nor held, and its circuit is not open.\n",
    )


@pytest.mark.parametrize("words", [("pause_integration", "--reason", "x"), ("resume_integration",)])
def test_an_unknown_integration_is_named_with_those_there_are(words: tuple[str, ...]) -> None:
    """A typing error ends with a sentence and status 1, before the database is asked."""
    typed = type_command(words[0], "crn", *words[1:])
    assert typed.status == 1
    assert typed.error == "There is no integration crn, only crm, tickets, usage, tasks."


def test_a_pause_needs_a_reason() -> None:
    """An empty one is none."""
    assert "--reason" in type_command("pause_integration", "crm").error
    assert type_command("pause_integration", "crm", "--reason", " ").error == "The reason is empty."


def test_a_pause_survives_the_process_that_made_it(own_database: str) -> None:
    """It is typed in a process that has ended when the next one asks; wrong words end with 2."""
    assert run_command(own_database, "pause_integration", "crm").status == 2
    done = run_command(own_database, "pause_integration", "crm", "--reason", "Because.")
    assert (done.status, done.out) == (0, "Paused crm.\n")
    assert not admit("crm").is_open
