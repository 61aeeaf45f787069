"""Why a signature did not hold is found out by trying; each case is really signed so."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.factories import SigningSecretFactory, SourceFactory
from tests.ingest.door import SECRET, Door
from tests.signing import Headers, build_event, hmac_sha256, sign_as_sender
from webhooks.models import Delivery, SigningSecret, Source

pytestmark = pytest.mark.django_db

BODY = build_event(event_id=str(uuid.UUID(int=1)), data={"conversation_uuid": "c-1"})
TIMESTAMP = str(int(datetime.now(UTC).timestamp()))
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
HEX = hashlib.sha256(b"a key that is written in hexadecimal").hexdigest()


def sign(
    content: bytes,
    key: bytes = SECRET.encode(),
    write: Callable[[bytes], str] = bytes.hex,
    header: str = "X-Webhook-Signature",
    **others: str,
) -> Headers:
    """Return the headers of a signature over `content`; `others` are headers by their names.

    By default there is the timestamp beside it, as the sender has it.
    """
    beside = {name.replace("_", "-"): value for name, value in others.items()}
    return {header: write(hmac_sha256(key, content))} | (
        beside or {"X-Webhook-Timestamp": TIMESTAMP}
    )


def over_own(body: bytes) -> bytes:
    """Return what the sender signs for `body`."""
    return body + b"." + TIMESTAMP.encode()


def write_base64(digest: bytes) -> str:
    """Return the digest in Base64."""
    return base64.b64encode(digest).decode()


def find_cause(body: bytes, headers: Headers, slug: str = "demo") -> tuple[str, str]:
    """Have the delivery refused; return its cause, and what fitted."""
    answer = Door(slug).send(body, headers)
    assert answer.status == 401
    assert set(answer.content) == {"status", "reason"}
    delivery = Delivery.objects.get()
    return delivery.cause, delivery.cause_detail


def test_retired_secret(secret: SigningSecret) -> None:
    """The sender still signs with the old secret: which, and since when it is not accepted."""
    secret.source.add_secret("the new secret")
    SigningSecret.objects.filter(pk=secret.pk).update(
        retired_at=datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    )
    found = find_cause(BODY, sign(over_own(BODY)))
    assert found == (
        "retired_secret",
        f"secret {secret.fingerprint}, retired 2026-03-01 10:30 UTC",
    )


def test_retired_secret_of_a_source_that_has_no_other(secret: SigningSecret) -> None:
    """Where there is no active secret at all, a retired one is still told."""
    secret.retire()
    assert find_cause(BODY, sign(over_own(BODY)))[0] == "retired_secret"


def test_source_without_any_secret_says_all_there_is(secret: SigningSecret) -> None:
    """The verification says so already, and no secret could fit."""
    secret.retire()
    assert find_cause(BODY, sign(over_own(BODY), b"a guess")) == ("", "")


def test_secret_of_another_source(secret: SigningSecret) -> None:
    """It was sent to the wrong address: whose it is."""
    assert secret
    other = SigningSecretFactory.create(source__slug="billing", value="another secret")
    found = find_cause(BODY, sign(over_own(BODY), b"another secret"))
    assert found == ("other_source", f"secret {other.fingerprint} of the source billing")


def test_secret_of_another_source_that_signs_in_its_own_way(secret: SigningSecret) -> None:
    """The other source's template, headers and format are tried with its secret."""
    assert secret
    source = SourceFactory.create(
        slug="billing",
        signature_header="X-Billing-Signature",
        timestamp_header="X-Billing-Time",
        signed_content="{timestamp}.{body}",
        encoding="base64",
        signature_prefix="v9=",
        secret_format="whsec",
    )
    other = source.add_secret(WHSEC)
    headers = sign(
        b"123." + BODY,
        base64.b64decode(WHSEC.removeprefix("whsec_")),
        lambda digest: "v9=" + write_base64(digest),
        header="X-Billing-Signature",
        X_Billing_Time="123",
    )
    found = find_cause(BODY, headers)
    assert found == ("other_source", f"secret {other.fingerprint} of the source billing")


@pytest.mark.parametrize(
    ("stored", "key", "words"),
    [
        (WHSEC, base64.b64decode(WHSEC.removeprefix("whsec_")), "as Base64"),
        (HEX, bytes.fromhex(HEX), "as hexadecimal"),
        (' "quoted"\n', b"quoted", "without the space or quotes around it"),
        (WHSEC, WHSEC.removeprefix("whsec_").encode(), 'without "whsec_", as text'),
    ],
)
def test_secret_in_another_format(
    secret: SigningSecret, stored: str, key: bytes, words: str
) -> None:
    """The sender reads the secret otherwise than the source says."""
    secret.value = stored
    secret.save()
    found = find_cause(BODY, sign(over_own(BODY), key))
    assert found == ("other_format", f"secret {secret.fingerprint}; the secret is read {words}")


def test_text_secret_of_a_source_that_expects_whsec(secret: SigningSecret) -> None:
    """And the other way round."""
    secret.value = WHSEC
    secret.save()
    Source.objects.update(secret_format="whsec")
    cause, detail = find_cause(BODY, sign(over_own(BODY), WHSEC.encode()))
    assert (cause, detail.partition("; ")[2]) == (
        "other_format",
        "the secret is read as it stands",
    )


@pytest.mark.parametrize(
    ("content", "template"),
    [
        (TIMESTAMP.encode() + b"." + BODY, "{timestamp}.{body}"),
        (BODY, "{body}"),
        (b"msg_1." + TIMESTAMP.encode() + b"." + BODY, "{id}.{timestamp}.{body}"),
        (TIMESTAMP.encode() + BODY, "{timestamp}{body}"),
        (BODY + TIMESTAMP.encode(), "{body}{timestamp}"),
    ],
    ids=["timestamp first", "body alone", "id and timestamp", "no stop", "no stop, body first"],
)
def test_other_template(secret: SigningSecret, content: bytes, template: str) -> None:
    """The signature fits another template, which is named."""
    headers = sign(content, X_Webhook_Timestamp=TIMESTAMP, Webhook_Id="msg_1")
    found = find_cause(BODY, headers)
    assert found == ("other_content", f"secret {secret.fingerprint}; signed over {template}")


def test_own_template_where_the_source_expects_another(secret: SigningSecret) -> None:
    """The sender's own way at a source that is set up for another one."""
    assert secret
    Source.objects.update(signed_content="{timestamp}.{body}")
    assert find_cause(BODY, sign(over_own(BODY)))[1].endswith("signed over {body}.{timestamp}")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda digest: f"sha256={digest.hex()}", 'hexadecimal with the prefix "sha256="'),
        (write_base64, "Base64 without a prefix"),
        (lambda digest: f"v1,{write_base64(digest)}", 'Base64 with the prefix "v1,"'),
        (lambda digest: f"t=1,v1={digest.hex()}", 'hexadecimal with the prefix "v1="'),
        (
            lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "Base64 without a prefix",
        ),
        (lambda digest: f"mallory={digest.hex()}", "hexadecimal with another prefix"),
    ],
)
def test_other_encoding(secret: SigningSecret, write: Callable[[bytes], str], words: str) -> None:
    """The signature is right and written otherwise; what its sender made up is not told."""
    found = find_cause(BODY, sign(over_own(BODY), write=write))
    assert found == ("other_encoding", f"secret {secret.fingerprint}; it is written in {words}")


def test_prefix_that_the_source_expects_is_missing(secret: SigningSecret) -> None:
    """A plain signature at a source that wants it after `sha256=`."""
    Source.objects.update(signature_prefix="sha256=")
    found = find_cause(BODY, sign(over_own(BODY)))
    words = "it is written in hexadecimal without a prefix"
    assert found == ("other_encoding", f"secret {secret.fingerprint}; {words}")


def test_other_header(secret: SigningSecret) -> None:
    """The signature is right and stands in a header of another well-known name."""
    found = find_cause(BODY, sign(over_own(BODY), header="X-Signature"))
    words = "the signature stands in X-Signature"
    assert found == ("other_header", f"secret {secret.fingerprint}; {words}")


def test_timestamp_in_another_header(secret: SigningSecret) -> None:
    """The signature fits with the time that another header carries."""
    found = find_cause(BODY, sign(over_own(BODY), X_Timestamp=TIMESTAMP))
    words = "the timestamp stands in X-Timestamp"
    assert found == ("other_timestamp", f"secret {secret.fingerprint}; {words}")


def test_timestamp_in_an_unknown_format(secret: SigningSecret) -> None:
    """The signature fits, so it is the time's notation that is at fault."""
    assert secret
    found = find_cause(BODY, sign_as_sender(BODY, SECRET, "Tue, 24 Nov 2026"))
    words = "the signature fits; the timestamp is written in a way that is not known here"
    assert found == ("other_timestamp", words)


def test_signed_without_a_timestamp(secret: SigningSecret) -> None:
    """The sender leaves the time out of what it signs as the source says."""
    assert secret
    found = find_cause(BODY, sign_as_sender(BODY, SECRET, ""))
    assert found == ("other_timestamp", "the signature fits, and was made without a timestamp")


LINES = b'{\n "a": 1\n}'


@pytest.mark.parametrize(
    ("signed", "came", "words"),
    [
        (BODY, BODY + b"\n", "a line break was added at its end"),
        (BODY, BODY + b"\r\n", "a line break was added at its end"),
        (BODY + b"\n", BODY, "a line break at its end was taken away"),
        (BODY + b"\r\n", BODY, "a line break (CR LF) at its end was taken away"),
        (BODY, b"  " + BODY + b" \n", "white space was added around it"),
        (LINES, LINES.replace(b"\n", b"\r\n"), "its line breaks were changed from LF to CR LF"),
        (LINES.replace(b"\n", b"\r\n"), LINES, "its line breaks were changed from CR LF to LF"),
        (BODY, b"\xef\xbb\xbf" + BODY, "a byte order mark was added"),
        (b"\xef\xbb\xbf" + BODY, BODY, "a byte order mark was taken away"),
        (b"", BODY, "an empty body was signed"),
    ],
)
def test_changed_body(secret: SigningSecret, signed: bytes, came: bytes, words: str) -> None:
    """The signature fits the body as it was before it was changed on the way."""
    found = find_cause(came, sign(over_own(signed)))
    assert found == ("changed_body", f"secret {secret.fingerprint}; {words}")


def test_body_that_got_lost(secret: SigningSecret) -> None:
    """Nothing can be tried with an empty body, and that it is empty says it all."""
    assert secret
    assert find_cause(b"", sign(over_own(BODY))) == ("changed_body", "the body is empty")


def test_two_causes_at_once(secret: SigningSecret) -> None:
    """The weightier one is the cause, and both are told."""
    secret.source.add_secret("the new secret")
    secret.retire()
    cause, detail = find_cause(BODY, sign(TIMESTAMP.encode() + b"." + BODY))
    assert cause == "retired_secret"
    assert detail.startswith(f"secret {secret.fingerprint}, retired 20")
    assert detail.endswith("; signed over {timestamp}.{body}")


def test_encoding_and_change_on_the_way_at_once(secret: SigningSecret) -> None:
    """How the signature is written does not hide what else is wrong."""
    headers = sign(over_own(BODY + b"\n"), write=write_base64)
    words = "a line break at its end was taken away; it is written in Base64 without a prefix"
    assert find_cause(BODY, headers) == ("changed_body", f"secret {secret.fingerprint}; {words}")


def write_standard(digest: bytes) -> str:
    """Return the digest as Standard Webhooks has it."""
    return f"v1,{write_base64(digest)}"


STANDARD = b"msg_1." + TIMESTAMP.encode() + b"." + BODY
WHSEC_KEY = base64.b64decode(WHSEC.removeprefix("whsec_"))


@pytest.mark.parametrize(
    ("vendor", "stored", "headers"),
    [
        (
            "Standard Webhooks",
            WHSEC,
            sign(
                STANDARD,
                WHSEC_KEY,
                write_standard,
                "Webhook-Signature",
                Webhook_Id="msg_1",
                Webhook_Timestamp=TIMESTAMP,
            ),
        ),
        (
            "Svix",
            WHSEC,
            sign(
                STANDARD,
                WHSEC_KEY,
                write_standard,
                "Svix-Signature",
                Svix_Id="msg_1",
                Svix_Timestamp=TIMESTAMP,
            ),
        ),
        (
            "Slack",
            SECRET,
            sign(
                b"v0:" + TIMESTAMP.encode() + b":" + BODY,
                write=lambda digest: f"v0={digest.hex()}",
                header="X-Slack-Signature",
                X_Slack_Request_Timestamp=TIMESTAMP,
            ),
        ),
        (
            "GitHub",
            SECRET,
            sign(
                BODY,
                write=lambda digest: f"sha256={digest.hex()}",
                header="X-Hub-Signature-256",
                X_GitHub_Event="push",
            ),
        ),
        (
            "Shopify",
            SECRET,
            sign(BODY, write=write_base64, header="X-Shopify-Hmac-Sha256", X_Shopify_Topic="any"),
        ),
    ],
)
def test_way_of_another_vendor(
    secret: SigningSecret, vendor: str, stored: str, headers: Headers
) -> None:
    """A source with the default settings, whose sender signs as a well-known vendor does."""
    secret.value = stored
    secret.save()
    found = find_cause(BODY, headers)
    assert found == ("other_scheme", f"secret {secret.fingerprint}; signed as {vendor} does")


def test_way_of_stripe(secret: SigningSecret) -> None:
    """Its timestamp stands in the same header as its signature."""

    def write(digest: bytes) -> str:
        return f"t={TIMESTAMP},v1={digest.hex()}"

    content = TIMESTAMP.encode() + b"." + BODY
    headers = sign(content, write=write, header="Stripe-Signature", X_Any="1")
    words = "signed as Stripe does; the timestamp stands before the signature, as t="
    assert find_cause(BODY, headers) == ("other_scheme", f"secret {secret.fingerprint}; {words}")


def test_not_signed_at_all(secret: SigningSecret) -> None:
    """No header carries a signature: the sender has no secret, or a proxy takes the header away."""
    assert secret
    found = find_cause(BODY, {"X-Webhook-Timestamp": TIMESTAMP})
    assert found == ("unsigned", "there is no X-Webhook-Signature header")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("certainly not a signature", ""),
        (hmac.new(b"", BODY, "sha1").hexdigest(), "it looks like SHA-1, and SHA-256 is needed"),
        (
            "sha512=" + hmac.new(b"", BODY, "sha512").hexdigest(),
            "it looks like SHA-512, and SHA-256 is needed",
        ),
    ],
)
def test_no_signature_of_a_known_form(secret: SigningSecret, text: str, words: str) -> None:
    """What stands in the header can be no SHA-256 in any notation."""
    assert secret
    assert find_cause(BODY, {"X-Webhook-Signature": text}) == ("unreadable", words)


def test_secret_that_was_never_here(secret: SigningSecret) -> None:
    """Nothing fits: an unknown secret, or a body that was changed beyond what is tried."""
    assert secret
    found = find_cause(BODY, sign(over_own(BODY), b"of somebody else"))
    assert found == ("unknown", "no secret that is known here fits")


def test_unknown_secret_and_another_encoding(secret: SigningSecret) -> None:
    """That it is written otherwise, too, is told where nothing fits."""
    assert secret
    found = find_cause(BODY, sign(over_own(BODY), b"of somebody else", write_base64))
    words = "it is written in Base64 without a prefix; no secret that is known here fits"
    assert found == ("unknown", words)
