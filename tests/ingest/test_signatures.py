"""The signature's verdict, against OpenSSL and against whatever hypothesis thinks of."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.ingest.verdicts import NOW, SECRET, SENDER, STANDARD, UNIX_NOW, WHSEC, check, verdict
from tests.signing import hmac_sha256, sign_as_sender, sign_as_standard_webhooks
from webhooks.ingest.signatures import Key, Scheme, VerificationError, read_timestamp, verify
from webhooks.ingest.sources import read_key

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "signatures.json").read_text()
)

each_vector = pytest.mark.parametrize("vector", VECTORS, ids=[one["name"] for one in VECTORS])
bodies = st.binary(max_size=200)
header_texts = st.text(st.characters(max_codepoint=255), max_size=100)


@each_vector
def test_what_openssl_signed_is_verified(vector: dict[str, Any]) -> None:
    """Each signature that the OpenSSL command line computed is accepted."""
    values = dict(vector["scheme"])
    key = Key(7, read_key(vector["secret"], values.pop("secret_format")))
    headers = {
        "X-Webhook-Signature": vector["signature"],
        "X-Webhook-Timestamp": vector["timestamp"],
        "Webhook-Id": vector["id"],
    }
    now = read_timestamp(vector["timestamp"]) if vector["timestamp"] else NOW
    proof = verify(Scheme(**values), [key], headers, bytes.fromhex(vector["body_hex"]), now)
    assert proof.secret_id == 7


@each_vector
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command here")
def test_vectors_are_what_openssl_says(vector: dict[str, Any]) -> None:
    """The command that is kept with each vector prints its signature."""
    printed = subprocess.run(
        ["sh", "-c", vector["command"]], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert vector["scheme"]["signature_prefix"] + printed == vector["signature"]


@given(bodies, bodies)
def test_signature_over_another_body_never_passes(signed: bytes, sent: bytes) -> None:
    """A signature holds for the bytes that were signed and for no others."""
    assume(signed != sent)
    assert verdict(sign_as_sender(signed, SECRET, UNIX_NOW), sent, SECRET) == "signature_mismatch"


@given(bodies.filter(bool), st.data())
def test_one_flipped_bit_fails(body: bytes, data: st.DataObject) -> None:
    """Not one bit of the body may differ."""
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    changed = bytearray(body)
    changed[bit // 8] ^= 1 << bit % 8
    headers = sign_as_sender(body, SECRET, UNIX_NOW)
    assert verdict(headers, bytes(changed), SECRET) == "signature_mismatch"


@given(bodies, st.integers(-299, 299).filter(bool))
def test_signature_over_another_timestamp_never_passes(body: bytes, shift: int) -> None:
    """A fresh timestamp cannot be put beside an old signature."""
    headers = sign_as_sender(body, SECRET, UNIX_NOW)
    headers["X-Webhook-Timestamp"] = str(int(UNIX_NOW) + shift)
    assert verdict(headers, body, SECRET) == "signature_mismatch"


@given(bodies)
def test_same_moment_written_otherwise_never_passes(body: bytes) -> None:
    """What is signed are the header's bytes, not the moment that they stand for."""
    headers = sign_as_sender(body, SECRET, UNIX_NOW)
    for other in (f"{UNIX_NOW}000", f"{UNIX_NOW}.0", f"0{UNIX_NOW}", NOW.isoformat()):
        headers["X-Webhook-Timestamp"] = other
        assert verdict(headers, body, SECRET) == "signature_mismatch"


@given(bodies, st.text(st.characters(codec="ascii"), max_size=30))
def test_signature_over_another_id_never_passes(body: bytes, other: str) -> None:
    """Standard Webhooks' id is vouched for by the signature."""
    assume(other != "msg_1")
    headers = sign_as_standard_webhooks(body, WHSEC, "msg_1", UNIX_NOW) | {"Webhook-Id": other}
    assert verdict(headers, body, WHSEC, scheme=STANDARD) == "signature_mismatch"


@given(bodies, st.text(min_size=1, max_size=50).filter(lambda text: text != SECRET))
def test_another_secret_never_passes(body: bytes, other: str) -> None:
    """Only who knows the secret can sign."""
    assume(len(other.encode("utf-8", "replace")) <= 64)
    # HMAC pads a key with NUL bytes: such a secret is the same key.
    assume(other.encode("utf-8", "replace").rstrip(b"\0") != SECRET.encode())
    headers = sign_as_sender(body, SECRET, UNIX_NOW)
    key = Key(1, other.encode("utf-8", "replace"))
    with pytest.raises(VerificationError):
        verify(SENDER, [key], headers, body, NOW)


@given(header_texts, header_texts, header_texts, st.sampled_from([SENDER, STANDARD]))
def test_any_header_is_refused_with_a_reason(
    signature: str, timestamp: str, message_id: str, scheme: Scheme
) -> None:
    """No bytes in the three headers pass by chance or raise anything else."""
    headers = {
        scheme.signature_header: signature,
        scheme.timestamp_header: timestamp,
        scheme.id_header: message_id,
    }
    assert verdict(headers, b"{}", WHSEC, scheme=scheme) != "verified"


def test_hexadecimal_may_be_in_capitals() -> None:
    """Hexadecimal digits mean the same in either case."""
    headers = sign_as_sender(b"{}", SECRET, UNIX_NOW)
    headers["X-Webhook-Signature"] = headers["X-Webhook-Signature"].upper()
    assert check(headers, b"{}", SECRET).secret_id == 1


@pytest.mark.parametrize(
    "signature",
    ["x" * 64, "0" * 63, "0" * 65, "sha256=" + "0" * 64, "\u0661" * 64, "0x" + "0" * 62, "é", ","],
)
def test_what_is_no_digest_is_malformed(signature: str) -> None:
    """A signature that is not 32 bytes in hexadecimal is said to be malformed."""
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": UNIX_NOW}
    assert verdict(headers, b"{}", SECRET) == "malformed_signature"


@pytest.mark.parametrize("signature", [None, "", " ", "\t"])
def test_no_signature_is_missing(signature: str | None) -> None:
    """No header and an empty header are both said to be missing."""
    headers = {"X-Webhook-Timestamp": UNIX_NOW}
    if signature is not None:
        headers["X-Webhook-Signature"] = signature
    assert verdict(headers, b"{}", SECRET) == "missing_signature"


def test_source_without_a_secret_refuses_everything() -> None:
    """An empty secret is not what remains where there is none."""
    assert verdict(sign_as_sender(b"{}", "", UNIX_NOW), b"{}") == "no_active_secret"


@pytest.mark.parametrize("secret", [SECRET, "another"])
def test_each_active_secret_is_tried(secret: str) -> None:
    """During a rotation both secrets hold, and the proof names the one that was used."""
    headers = sign_as_sender(b"{}", secret, UNIX_NOW)
    proof = check(headers, b"{}", SECRET, "another")
    assert proof.secret_id == [SECRET, "another"].index(secret) + 1


def test_one_of_several_signatures_is_enough() -> None:
    """Standard Webhooks sends a signature for each secret, and versions that are to come."""
    headers = sign_as_standard_webhooks(b"{}", WHSEC, timestamp=UNIX_NOW)
    good = headers["Webhook-Signature"]
    other = "v1," + base64.b64encode(bytes(32)).decode()
    headers["Webhook-Signature"] = f"v1a,{good[3:]} {other} v2,future {good}"
    assert check(headers, b"{}", WHSEC, scheme=STANDARD).secret_id == 1


@pytest.mark.parametrize("prefix", ["v1a,", "v2,", "", "V1,", "v1"])
def test_another_version_of_a_signature_is_not_ours(prefix: str) -> None:
    """What is right under another version's name, such as the asymmetric v1a, does not count."""
    headers = sign_as_standard_webhooks(b"{}", WHSEC, timestamp=UNIX_NOW)
    headers["Webhook-Signature"] = prefix + headers["Webhook-Signature"].removeprefix("v1,")
    assert verdict(headers, b"{}", WHSEC, scheme=STANDARD) == "malformed_signature"


def test_body_alone_has_no_window() -> None:
    """Where only the body is signed the timestamp means nothing, not even a malformed one."""
    scheme = Scheme(signed_content="{body}")
    signature = hmac_sha256(SECRET.encode(), b"{}").hex()
    headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": "soon"}
    assert check(headers, b"{}", SECRET, scheme=scheme).signed_at is None


def test_placeholders_in_the_body_are_bytes_like_others() -> None:
    """A body that looks like the template is signed as it stands."""
    body = b"{timestamp}{id}{body}"
    assert verdict(sign_as_sender(body, SECRET, UNIX_NOW), body, SECRET) == "verified"


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_é", "whsec_abc"])
def test_unreadable_standard_webhooks_secret_raises_value_error(secret: str) -> None:
    """A secret that is not whsec_ and Base64 is a mistake that is named, not another key."""
    with pytest.raises(ValueError, match="whsec_"):
        read_key(secret, "whsec")


@pytest.mark.parametrize(
    ("secret", "secret_format"),
    [("", "text"), ("\0\0", "text"), ("", "whsec"), ("whsec_", "whsec"), ("whsec_AAAA", "whsec")],
)
def test_empty_secret_is_none(secret: str, secret_format: str) -> None:
    """A secret with nothing in it, with which everybody could sign, is refused."""
    with pytest.raises(ValueError, match="empty"):
        read_key(secret, secret_format)


def test_secrets_are_not_in_the_representation() -> None:
    """A key that ends up in a traceback or a log shows its number and no more."""
    assert "hush" not in repr(Key(1, b"hush"))
