"""What is found out after an answer delays nobody, is bounded, and gives nothing away."""

import time
from unittest.mock import patch

import httpx
import pytest
from cryptography.fernet import Fernet
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries, Settings

from tests.factories import SigningSecretFactory
from tests.ingest.door import SECRET, Door
from tests.processes import start_receiver
from tests.processing.logs import read_log
from tests.signing import build_event, sign_as_sender
from webhooks.ingest import afterwards, causes
from webhooks.ingest.allowance import Allowance
from webhooks.ingest.causes import LONGEST_BODY, MOST_TRIES
from webhooks.ingest.known_secrets import MOST_SECRETS, known_secrets, load_secrets
from webhooks.ingest.signatures import compute_digest
from webhooks.ingest.views import receive_delivery
from webhooks.models import Delivery, RejectionCount, SigningSecret, Source

BODY = build_event()


def count_causes() -> int:
    """Return how many deliveries say what their refusal came from."""
    return Delivery.objects.exclude(cause="").count()


@pytest.mark.django_db
def test_cause_is_looked_for_when_the_answer_has_gone_out(secret: SigningSecret) -> None:
    """The answer is complete before; a server closes it once it is sent."""
    assert secret
    headers = sign_as_sender(BODY, "a guess")
    request = RequestFactory().post(
        "/webhooks/demo/", BODY, content_type="application/json", headers=headers
    )
    response = receive_delivery(request, "demo")
    assert response.status_code == 401
    assert count_causes() == 0
    # The test's connection is still needed; Django's test client does the same.
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)
    assert Delivery.objects.get().cause == "unknown"


def test_server_looks_for_the_cause(own_database: str) -> None:
    """Behind gunicorn, too: the refusal of a running receiver says what it comes from."""
    source = Source.objects.create(slug="demo", name="Demo")
    old = source.add_secret(SECRET)
    source.add_secret("the new secret")
    old.retire()
    with start_receiver(own_database) as receiver:
        answer = httpx.post(
            f"{receiver.url}/webhooks/demo/", content=BODY, headers=sign_as_sender(BODY, SECRET)
        )
        assert answer.status_code == 401
        ends_at = time.monotonic() + 10
        while not count_causes() and time.monotonic() < ends_at:
            time.sleep(0.05)
    assert Delivery.objects.get().cause == "retired_secret"


@pytest.mark.django_db
def test_storm_of_bad_signatures_is_looked_into_within_the_allowance(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers decide how many come, and not how much work they make."""
    clock = [1000.0]
    monkeypatch.setattr("webhooks.ingest.allowance.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(afterwards, "causes_allowance", Allowance(per_second=2))
    for _ in range(20):
        door.send(BODY, sign_as_sender(BODY, "a guess"))
    assert (Delivery.objects.count(), count_causes()) == (20, 2)
    clock[0] += 0.5
    for _ in range(5):
        door.send(BODY, sign_as_sender(BODY, "a guess"))
    assert (Delivery.objects.count(), count_causes()) == (25, 3)


@pytest.mark.django_db
def test_refusal_that_leaves_no_row_is_not_looked_into(door: Door, settings: Settings) -> None:
    """Beyond the cap there is nothing to write it on."""
    settings.WEBHOOKS_REJECTED_ROWS_PER_HOUR = 1
    with patch.object(afterwards, "find_cause", wraps=causes.find_cause) as looked:
        for _ in range(3):
            door.send(BODY, sign_as_sender(BODY, "a guess"))
    assert RejectionCount.objects.get().count == 3
    assert looked.call_count == 1


@pytest.mark.django_db
def test_stale_delivery_is_not_looked_into(door: Door) -> None:
    """Its row says when it was signed, and that is the cause."""
    door.send_signed(BODY, "1767225600")
    assert (Delivery.objects.get().verification, count_causes()) == ("stale_timestamp", 0)


@pytest.mark.django_db
def test_large_body_is_not_signed_again_and_again(door: Door) -> None:
    """What a large body's signature fits is not tried; that it has none is still told."""
    large = b"x" * (LONGEST_BODY + 1)
    with patch.object(causes, "compute_digest", wraps=compute_digest) as computed:
        door.send(large, sign_as_sender(large, "a guess"))
        assert count_causes() == 0
        door.send(large)
    assert computed.call_count == 0
    assert Delivery.objects.get(verification="missing_signature").cause == "unsigned"


@pytest.mark.django_db
@pytest.mark.parametrize("size", [100, LONGEST_BODY])
def test_tries_are_bounded_however_many_secrets_there_are(
    door: Door, secret: SigningSecret, size: int
) -> None:
    """In number, and in the bytes that are hashed for them."""
    for number in range(MOST_SECRETS):
        SigningSecretFactory.create(value=f"of another source {number}")
        secret.source.add_secret(f"one more {number}")
    body = b" " * size
    with patch.object(causes, "compute_digest", wraps=compute_digest) as computed:
        door.send(body, sign_as_sender(body, "a guess"))
    assert 0 < computed.call_count <= min(MOST_TRIES, causes.MOST_HASHED // size)


@pytest.mark.django_db
def test_own_secrets_are_tried_before_those_of_others(secret: SigningSecret) -> None:
    """The active ones, then what was retired last, and only then others' active ones."""
    retired = secret.source.add_secret("retired")
    other = SigningSecretFactory.create()
    gone = SigningSecretFactory.create()
    for each in (retired, gone):
        each.retire()
    fingerprints = [each.fingerprint for each in load_secrets(secret.source_id)]
    assert fingerprints == [secret.fingerprint, retired.fingerprint, other.fingerprint]


@pytest.mark.django_db
def test_secrets_are_read_once_for_many_refusals(
    secret: SigningSecret, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """As the door reads sources, and as one statement however many there are."""
    SigningSecretFactory.create_batch(3)
    with django_assert_num_queries(1):
        assert len(known_secrets.find(secret.source_id)) == 4
        assert known_secrets.find(secret.source_id)


@pytest.mark.django_db
def test_secret_that_no_key_decrypts_is_passed_over(door: Door, settings: Settings) -> None:
    """The others are tried all the same."""
    readable, lost = settings.SECRET_ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    settings.SECRET_ENCRYPTION_KEYS = lost
    SigningSecretFactory.create(value="of another source, and lost")
    settings.SECRET_ENCRYPTION_KEYS = readable
    SigningSecretFactory.create(value="of another source")
    door.send(BODY, sign_as_sender(BODY, "of another source"))
    assert Delivery.objects.get().cause == "other_source"


@pytest.mark.django_db
def test_looking_into_it_may_fail(door: Door) -> None:
    """The answer stands, the row says nothing, and the log quotes nobody."""
    with read_log() as log, patch.object(afterwards, "find_cause", side_effect=ValueError(SECRET)):
        assert door.send(BODY, sign_as_sender(BODY, "a guess")).status == 401
    assert count_causes() == 0
    assert "delivery_not_looked_into" in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.django_db
def test_cause_gives_nothing_away(door: Door, secret: SigningSecret) -> None:
    """Neither a secret nor what the sender wrote stands in the answer, the row or the log."""
    retired = secret.source.add_secret("retired-4915112345678")
    retired.retire()
    body = build_event(organization_name="canary-of-the-body")
    headers = sign_as_sender(body, "retired-4915112345678")
    headers["X-Webhook-Signature"] = f"canary-of-a-prefix={headers['X-Webhook-Signature']}"
    with read_log() as log:
        answer = door.send(body, headers | {"X-Canary-Signature": "canary-of-a-header"})
    (row,) = Delivery.objects.values()
    assert answer.content == {"status": "rejected", "reason": "malformed_signature"}
    assert row["cause"] == "retired_secret"
    for text in (str(row), log.getvalue(), str(answer)):
        assert "canary" not in text
        assert "4915112345678" not in text
        assert headers["X-Webhook-Signature"][-64:] not in text
