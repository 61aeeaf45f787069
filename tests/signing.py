"""Signs as senders do, for tests: a second opinion, so nothing of the product is imported here."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

Headers = dict[str, str]


def sign_as_sender(body: bytes, secret: str, timestamp: str | None = None) -> Headers:
    """Return the headers of the sender's own scheme: hex HMAC-SHA256 over `{body}.{timestamp}`.

    `timestamp` goes into the header as it is; by default it is now, in Unix seconds.
    """
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    digest = hmac_sha256(secret.encode(), body + b"." + timestamp.encode("latin-1"))
    return {"X-Webhook-Signature": digest.hex(), "X-Webhook-Timestamp": timestamp}


def sign_as_standard_webhooks(
    body: bytes, secret: str, message_id: str = "msg_1", timestamp: str | None = None
) -> Headers:
    """Return the three headers of Standard Webhooks; `secret` is `whsec_` and Base64."""
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac_sha256(key, content)).decode()
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": f"v1,{signature}",
    }


def hmac_sha256(key: bytes, content: bytes) -> bytes:
    """Return the HMAC-SHA256 of `content`."""
    return hmac.new(key, content, hashlib.sha256).digest()


def build_event(**fields: Any) -> bytes:
    """Return the body of an event as the sender writes it; `fields` replace the envelope's."""
    envelope = {
        "event_id": str(uuid.uuid4()),
        "event_type": "conversation.ended",
        "created": "2026-03-01T12:00:00.123456+00:00",
        "organization_uuid": "organization-1",
        "organization_name": "Organization One",
        "data": {
            "conversation_uuid": str(uuid.uuid4()),
            "agent_uuid": "agent-1",
            "status": "completed",
            "duration_seconds": 61,
        },
    }
    return json.dumps(envelope | fields).encode()
