"""Secrets: encrypted at rest, several at once, and changed without a restart."""

import base64
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography.fernet import Fernet
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from tests.factories import SigningSecretFactory, SourceFactory
from tests.ingest.door import SECRET, Door
from tests.processes import start_receiver
from tests.signing import build_event, sign_as_sender, sign_as_standard_webhooks
from webhooks.ingest import recorder
from webhooks.ingest.sources import subscriptions
from webhooks.models import Delivery, Event, SigningSecret, Source
from webhooks.operations.sources import add_secret, retire_secret

OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def old_key(settings: Settings) -> None:
    """Have secrets encrypted under `OLD_KEY`."""
    settings.SECRET_ENCRYPTION_KEYS = [OLD_KEY]


def read_raw(secret: SigningSecret) -> bytes:
    """Return what the table holds for the secret."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM webhooks_signingsecret WHERE id = %s", [secret.pk])
        (value,) = cursor.fetchone()
    return bytes(value)


@pytest.mark.django_db
def test_secret_is_encrypted_in_the_table(secret: SigningSecret) -> None:
    """Who reads the table, or a backup of it, does not learn the secret."""
    raw = read_raw(secret)
    for form in (
        SECRET.encode(),
        base64.b64encode(SECRET.encode()),
        SECRET.encode().hex().encode(),
    ):
        assert form not in raw
    secret.refresh_from_db()
    assert secret.value == SECRET


@pytest.mark.django_db
def test_same_secret_is_encrypted_differently_each_time(secret: SigningSecret) -> None:
    """Two rows do not show that they hold the same secret."""
    other = SigningSecretFactory.create(value=SECRET)
    assert read_raw(secret) != read_raw(other)


@pytest.mark.django_db
def test_old_and_new_secret_both_hold_during_a_rotation(door: Door, secret: SigningSecret) -> None:
    """Deliveries under either are accepted, and each says which secret signed it."""
    new = secret.source.add_secret("the new secret")
    assert door.send_signed(build_event()).status == 202
    assert Door(secret="the new secret").send_signed(build_event()).status == 202
    signed_with = Delivery.objects.order_by("id").values_list("secret", flat=True)
    assert list(signed_with) == [secret.pk, new.pk]


@pytest.mark.django_db
def test_change_takes_effect_when_the_memory_ends(
    door: Door, secret: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retired secret holds for `WEBHOOKS_SOURCE_CACHE` at most, in a process that runs on."""
    clock = [1000.0]
    monkeypatch.setattr("webhooks.ingest.sources.time.monotonic", lambda: clock[0])
    assert door.send_signed(build_event()).status == 202
    secret.retire()
    clock[0] += 4.9
    assert door.send_signed(build_event()).status == 202
    clock[0] += 0.2
    assert door.send_signed(build_event()).status == 401


@pytest.mark.django_db
def test_retired_secret_stays_with_its_deliveries(door: Door, secret: SigningSecret) -> None:
    """What a secret signed is known after it was retired, and retiring keeps it readable."""
    door.send_signed(build_event())
    secret.retire()
    secret.refresh_from_db()
    assert secret.retired_at is not None
    assert secret.value == SECRET
    assert Delivery.objects.get().secret == secret


@pytest.mark.django_db
def test_use_of_a_secret_is_noted(door: Door, secret: SigningSecret) -> None:
    """Only the secret that signed was used, and only by genuine deliveries."""
    new = secret.source.add_secret("the new secret")
    door.send(b"{}")
    Door(secret="guessed").send_signed(build_event())
    secret.refresh_from_db()
    assert secret.last_used_at is None
    Door(secret="the new secret").send_signed(build_event())
    secret.refresh_from_db()
    new.refresh_from_db()
    assert secret.last_used_at is None
    assert new.last_used_at is not None


@pytest.mark.django_db
def test_unreadable_secret_does_not_spoil_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One secret that is no `whsec_` is passed over and named in the log; the other one holds."""
    source = SourceFactory.create(
        signature_header="Webhook-Signature",
        timestamp_header="Webhook-Timestamp",
        id_header="Webhook-Id",
        signed_content="{id}.{timestamp}.{body}",
        encoding="base64",
        signature_prefix="v1,",
    )
    bad = source.add_secret("as it stands, über")
    source.secret_format = "whsec"
    source.save()
    good = "whsec_" + base64.b64encode(b"0" * 24).decode()
    source.add_secret(good)
    body = build_event()
    answer = Door(source.slug).send(body, sign_as_standard_webhooks(body, good))
    assert answer.status == 202
    assert bad.fingerprint in caplog.text
    assert "as it stands" not in caplog.text
    assert good not in caplog.text


@pytest.mark.django_db
def test_empty_secret_lets_nobody_in(secret: SigningSecret) -> None:
    """A source whose secret is empty is not open to all who sign with nothing."""
    secret.value = ""
    secret.save()
    answer = Door(secret="").send_signed(build_event())
    assert answer.status == 401
    assert answer.content["reason"] == "no_active_secret"


@pytest.mark.django_db
@pytest.mark.usefixtures("old_key")
def test_undecryptable_secret_is_our_fault(door: Door, settings: Settings) -> None:
    """Without the key, nobody can tell who is genuine: 503, to be sent again, never 401 or 500."""
    settings.SECRET_ENCRYPTION_KEYS = [NEW_KEY]
    answer = door.send_signed(build_event())
    assert answer.status == 503
    assert answer.content == {"status": "rejected", "reason": "try_again_later"}
    assert answer.headers["Retry-After"] == "10"
    assert not Delivery.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("old_key", "secret")
def test_undecryptable_secret_spoils_no_other(door: Door, settings: Settings) -> None:
    """A secret under a lost key can be replaced and retired while the source goes on receiving."""
    settings.SECRET_ENCRYPTION_KEYS = [NEW_KEY]
    source = Source.objects.get(slug=door.slug)
    (lost,) = source.secrets.defer("value")
    added = add_secret(source, "a-secret-under-the-new-key")
    assert replace(door, secret=added.value).send_signed(build_event()).status == 202
    retire_secret(source, lost.fingerprint)
    assert not source.secrets.filter(pk=lost.pk, retired_at=None).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("old_key")
def test_encryption_key_is_rotated_by_putting_a_new_one_first(
    door: Door, secret: SigningSecret, settings: Settings
) -> None:
    """Old secrets are read under the old key behind the new one, and new ones use the new."""
    settings.SECRET_ENCRYPTION_KEYS = [NEW_KEY, OLD_KEY]
    assert door.send_signed(build_event()).status == 202
    secret.save()  # encrypts it again
    settings.SECRET_ENCRYPTION_KEYS = [NEW_KEY]
    subscriptions.clear()
    assert door.send_signed(build_event()).status == 202
    assert Event.objects.count() == 2


def test_running_receiver_learns_of_a_rotation(own_database: str) -> None:
    """A secret that is added or retired counts in a running process within the cache's time."""
    source = Source.objects.create(slug="demo", name="Demo")
    old = source.add_secret(SECRET)
    with start_receiver(own_database, WEBHOOKS_SOURCE_CACHE="0.2") as receiver:

        def post(secret: str) -> int:
            body = build_event()
            headers = sign_as_sender(body, secret)
            return httpx.post(
                f"{receiver.url}/webhooks/demo/", content=body, headers=headers
            ).status_code

        assert (post(SECRET), post("the new secret")) == (202, 401)
        source.add_secret("the new secret")
        time.sleep(0.5)
        assert (post(SECRET), post("the new secret")) == (202, 202)
        old.retire()
        time.sleep(0.5)
        assert (post(SECRET), post("the new secret")) == (401, 202)


@pytest.mark.django_db
def test_first_delivery_under_a_new_secret_shows_that_it_is_in_use(
    door: Door, secret: SigningSecret
) -> None:
    """Also where one comes in a day: at once, and however lately the old one was used."""
    door.send_signed(build_event())
    new = secret.source.add_secret("the new secret")
    subscriptions.clear()
    secret.refresh_from_db()
    used = secret.last_used_at
    Door(secret="the new secret").send_signed(build_event())
    secret.refresh_from_db()
    new.refresh_from_db()
    assert used is not None
    assert new.last_used_at is not None
    assert new.last_used_at >= used
    assert secret.last_used_at == used


@pytest.mark.django_db
def test_use_that_could_not_be_noted_is_noted_with_the_next_delivery(
    door: Door, secret: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not a minute later: of a source with little traffic that may be the only one."""
    with monkeypatch.context() as patched:
        patched.setattr(recorder, "NOTE_USE", "SELECT 1 / 0 WHERE %(secret_id)s > 0")
        with transaction.atomic():
            recorder.secret_use.note(secret.pk, timezone.now())
            transaction.set_rollback(True)
    door.send_signed(build_event())
    secret.refresh_from_db()
    assert secret.last_used_at is not None


@pytest.mark.django_db
def test_clock_that_is_put_back_keeps_no_use_from_being_noted(secret: SigningSecret) -> None:
    """A use counts as noted for a minute, whichever way the clock goes."""
    now = timezone.now()
    recorder.secret_use.note(secret.pk, now)
    SigningSecret.objects.update(last_used_at=None)
    recorder.secret_use.note(secret.pk, now - timedelta(hours=1))
    secret.refresh_from_db()
    assert secret.last_used_at is not None
