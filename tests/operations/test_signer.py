"""The simulated sender's signatures, held against other people's."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tests import signing
from webhooks.models import Source
from webhooks.operations.signer import NoSecretError, Signer, find_signer
from webhooks.operations.sources import SCHEMES, add_secret, create_source, generate_secret

SENT_AT = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
TIMESTAMP = str(int(SENT_AT.timestamp()))


def pick(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return those of `headers` that `names` has."""
    return {name: headers[name] for name in names}


def test_signs_as_the_senders_documentation_says() -> None:
    """The default is hex HMAC-SHA256 over the body, a full stop and the timestamp."""
    expected = signing.sign_as_sender(b'{"a": 1}', "secret", TIMESTAMP)
    assert pick(Signer("secret").sign(b'{"a": 1}', SENT_AT, "id-1"), expected) == expected


def test_signs_as_standard_webhooks() -> None:
    """The preset gives the three headers of the specification, keyed with the Base64 secret."""
    secret = generate_secret("whsec")
    expected = signing.sign_as_standard_webhooks(b"{}", secret, "msg_9", TIMESTAMP)
    signer = Signer(secret, Source(**SCHEMES["standard-webhooks"]))
    assert signer.sign(b"{}", SENT_AT, "msg_9") == expected


@pytest.mark.parametrize(
    ("scheme", "signed"),
    [("timestamp-first", f"{TIMESTAMP}.body".encode()), ("body-only", b"body")],
)
def test_signs_what_the_preset_says(scheme: str, signed: bytes) -> None:
    """Presets differ in what is signed, and the timestamp is there as it was sent."""
    signer = Signer("secret", Source(**SCHEMES[scheme]))
    headers = signer.sign(b"body", SENT_AT, "id-1")
    assert headers["X-Webhook-Signature"] == signing.hmac_sha256(b"secret", signed).hex()


def test_a_prefix_stands_before_the_signature() -> None:
    """A source may ask for a prefix such as GitHub's."""
    headers = Signer("secret", Source(signature_prefix="sha256=")).sign(b"", SENT_AT, "")
    assert headers["X-Webhook-Signature"].startswith("sha256=")


def test_a_secret_of_another_form_is_refused_at_once() -> None:
    """Not at the first delivery, when others may be under way."""
    with pytest.raises(ValueError, match=r"[Bb]ase64|[Pp]adding|Only"):
        Signer("whsec_!", Source(**SCHEMES["standard-webhooks"]))


def test_the_secret_is_not_shown() -> None:
    """A signer can be printed and logged."""
    assert "very-secret" not in repr(Signer("very-secret"))


@pytest.mark.django_db
def test_signs_with_the_newest_active_secret_as_the_stored_source_says() -> None:
    """What is in the database need not be typed."""
    create_source(slug="stored", name="Stored", scheme="timestamp-first", secret="old")
    source = Source.objects.get(slug="stored")
    add_secret(source, "new")
    add_secret(source, "retired").row.retire()
    signer = find_signer("stored")
    assert (signer.secret, signer.source) == ("new", source)


@pytest.mark.django_db
def test_the_demos_secret_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used for the source `demo`, and for no other."""
    monkeypatch.setenv("DEMO_SIGNING_SECRET", "from-the-environment")
    assert find_signer("demo").secret == "from-the-environment"
    with pytest.raises(NoSecretError):
        find_signer("other")


def test_nothing_is_asked_of_the_database_where_all_is_given() -> None:
    """A receiver elsewhere is tested without a database: this test may not use one."""
    assert find_signer("elsewhere", "secret", "sender").secret == "secret"
