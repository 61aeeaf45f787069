"""`pause_source` and `resume_source`."""

import pytest

from tests.commands.typed import type_command
from tests.factories import SourceFactory
from tests.operations.brokers import no_broker
from webhooks.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_a_source_is_paused_and_resumed_and_both_are_recorded() -> None:
    """Once each, however often it is typed."""
    source = SourceFactory.create(slug="clinic")
    paused = type_command("pause_source", "clinic", "--reason=The CRM moves.")
    again = type_command("pause_source", "clinic", "--reason=Once more.")
    source.refresh_from_db()
    assert (paused.out, source.paused_reason) == ("Paused clinic.\n", "The CRM moves.")
    assert "is paused already, by" in again.out
    with no_broker():
        resumed = type_command("resume_source", "clinic")
        nothing = type_command("resume_source", "clinic")
    source.refresh_from_db()
    assert (resumed.out.startswith("Resumed clinic"), source.paused_at) == (True, None)
    assert nothing.out == "clinic was not paused.\n"
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["pause", "resume"]


def test_a_slug_that_is_none_is_answered_with_those_there_are() -> None:
    """A typing error is mended at once."""
    SourceFactory.create(slug="clinic")
    typed = type_command("pause_source", "klinik", "--reason=x")
    assert (typed.status, typed.error) == (1, "There is no source klinik; there are: clinic.")
    assert type_command("pause_source", "clinic", "--reason= ").error == "The reason is empty."
