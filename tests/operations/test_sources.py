"""Setting up sources and changing their secrets."""

import base64
import time

import pytest
from django.core.exceptions import ValidationError

from tests.factories import SourceFactory
from tests.operations.brokers import silent_broker
from webhooks.audit import Actor
from webhooks.models import AuditEntry, SigningSecret, Source
from webhooks.operations.sources import (
    SCHEMES,
    add_secret,
    create_source,
    generate_secret,
    pause_source,
    resume_source,
    retire_secret,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_preset_is_a_source_that_the_model_accepts(scheme: str) -> None:
    """Only what signs no timestamp needs a word of its own."""
    secret = create_source(
        slug="acme", name="Acme", scheme=scheme, allow_missing_timestamp=scheme == "body-only"
    )
    assert secret.row.source == Source.objects.get(slug="acme")


def test_a_source_without_a_timestamp_must_be_meant() -> None:
    """Nothing is created, source or secret, unless somebody says so."""
    with pytest.raises(ValidationError, match="nothing limits replays"):
        create_source(slug="acme", name="Acme", scheme="body-only")
    assert not Source.objects.exists()


def test_single_values_override_the_preset() -> None:
    """A scheme is a starting point."""
    create_source(slug="acme", name="Acme", scheme="standard-webhooks", replay_window=60)
    source = Source.objects.get()
    assert (source.encoding, source.replay_window) == ("base64", 60)


def test_generated_secrets_are_long_and_never_the_same() -> None:
    """32 random bytes in each form."""
    assert len(bytes.fromhex(generate_secret("text"))) == 32
    whsec = generate_secret("whsec")
    assert len(base64.b64decode(whsec.removeprefix("whsec_"))) == 32
    assert generate_secret("text") != generate_secret("text")


def test_a_secret_of_another_form_leaves_no_source_behind() -> None:
    """Both are there or neither is."""
    with pytest.raises(ValidationError, match="whsec_"):
        create_source(slug="acme", name="Acme", scheme="standard-webhooks", secret="whsec_?")
    assert not Source.objects.exists()


def test_an_active_secret_is_not_added_twice_and_a_retired_one_may_come_back() -> None:
    """The same sender's secret can be entered again after a mistake."""
    source = SourceFactory.create()
    row = add_secret(source, "the-same").row
    with pytest.raises(ValidationError, match="active already"):
        add_secret(source, "the-same")
    row.retire()
    assert add_secret(source, "the-same").row.pk != row.pk


def test_a_new_secret_shows_its_value_to_no_log() -> None:
    """The value is for the one who asked."""
    secret = add_secret(SourceFactory.create(), "very-secret")
    assert secret.value == "very-secret"
    assert "very-secret" not in repr(secret)


def test_the_old_secret_is_retired_once_there_is_another() -> None:
    """A rotation ends with one active secret."""
    source = SourceFactory.create()
    old, new = add_secret(source, "old").row, add_secret(source, "new").row
    assert retire_secret(source, old.fingerprint).pk == old.pk
    assert list(SigningSecret.objects.filter(retired_at=None)) == [new]


def test_the_only_secret_is_not_retired() -> None:
    """It would turn everything away that the sender sends."""
    source = SourceFactory.create()
    row = add_secret(source, "only").row
    with pytest.raises(ValidationError, match="only active secret"):
        retire_secret(source, row.fingerprint)
    row.refresh_from_db()
    assert row.retired_at is None


def test_a_secret_of_another_source_is_not_retired() -> None:
    """Fingerprints are looked for in the source alone."""
    source, other = SourceFactory.create(), SourceFactory.create()
    add_secret(source, "ours")
    add_secret(source, "ours too")
    theirs = add_secret(other, "theirs").row
    with pytest.raises(ValidationError, match="No active secret"):
        retire_secret(source, theirs.fingerprint)


ADA = Actor(door=AuditEntry.Door.COMMAND, name="Ada")
EVE = Actor(door=AuditEntry.Door.API, name="Eve")


def test_pause_says_who_paused_and_why_and_is_written_down() -> None:
    """On the source, for all who see it, and in the list of what people did."""
    source = SourceFactory.create()
    assert pause_source(source, ADA, "Its mapping\0 is wrong.")
    assert source.paused_at is not None
    assert (source.paused_by, source.paused_reason) == ("Ada", "Its mapping\ufffd is wrong.")
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.actor_name, entry.subject) == ("pause", "Ada", source.slug)
    assert entry.detail == "Its mapping\ufffd is wrong."


def test_second_pause_changes_and_records_nothing() -> None:
    """The first one's reason stays until somebody resumes."""
    source = SourceFactory.create()
    pause_source(source, ADA, "First.")
    assert not pause_source(Source.objects.get(pk=source.pk), EVE, "Second.")
    source.refresh_from_db()
    assert (source.paused_by, source.paused_reason) == ("Ada", "First.")
    assert AuditEntry.objects.count() == 1


def test_resume_lifts_the_pause_and_says_which() -> None:
    """Who resumed, and what had been the reason; a second time there is nothing to lift."""
    source = SourceFactory.create()
    assert not resume_source(source, EVE)
    pause_source(source, ADA, "First.")
    assert resume_source(source, EVE)
    assert (source.paused_at, source.paused_by, source.paused_reason) == (None, "", "")
    assert not resume_source(source, EVE)
    entry = AuditEntry.objects.get(action="resume")
    assert (entry.actor_name, entry.detail) == ("Eve", "Paused by Ada: First.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_database")
def test_a_broker_that_hangs_keeps_nobody_who_resumes_waiting() -> None:
    """The sweep comes by itself."""
    source = SourceFactory.create()
    pause_source(source, ADA, "First.")
    with silent_broker():
        began = time.monotonic()
        assert resume_source(source, EVE)
        assert 0.5 < time.monotonic() - began < 3
