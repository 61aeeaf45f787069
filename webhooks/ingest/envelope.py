"""Read an event's envelope from the bytes of a verified request.

Only the fields below are decoded; the transcript, which may be megabytes, is passed over and not
built. The whole body is first read in a worker.
"""

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from webhooks.json_bytes import decode_json
from webhooks.processing.projection import STAGES

Word = Annotated[str, msgspec.Meta(max_length=100)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
ORGANIZATION_NAME_LENGTH = 200
FIELD_PATH = re.compile(r"`\$\.?([\w.]*)[^`]*`$")


class InvalidEventError(Exception):
    """A genuine delivery that holds no event; `field` names what is wrong, `reason` says how."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class EnvelopeData(msgspec.Struct, frozen=True, gc=False):
    """What the envelope's `data` says for every type of event."""

    conversation_uuid: Word | None = None
    agent_uuid: Word | None = None


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """An event's envelope, as the sender's documentation has it."""

    event_id: uuid.UUID
    event_type: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    data: EnvelopeData
    organization_uuid: Word | None = None
    organization_name: str | None = None


decoder = msgspec.json.Decoder(Envelope)


def read_envelope(body: bytes) -> Envelope:
    """Return the envelope in `body`, or raise `InvalidEventError`, whatever the bytes are."""
    try:
        body.decode()  # msgspec does not look into the strings that it passes over
        envelope = decode_json(decoder, body)
    except msgspec.ValidationError as error:
        raise InvalidEventError(find_field(error), describe(error)) from error
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidEventError("body", "is not JSON in UTF-8") from error
    check_values(envelope)
    return envelope


def check_values(envelope: Envelope) -> None:
    """Refuse what the types allow and no event can be stored or told apart by."""
    data = envelope.data
    if envelope.event_type in STAGES and not data.conversation_uuid:
        raise InvalidEventError("data.conversation_uuid", "is required")
    if not EARLIEST <= envelope.created < LATEST:
        raise InvalidEventError("created", "is not a time of this century or the next")
    for field, text in (
        ("event_type", envelope.event_type),
        ("organization_uuid", envelope.organization_uuid),
        ("organization_name", envelope.organization_name),
        ("data.conversation_uuid", data.conversation_uuid),
        ("data.agent_uuid", data.agent_uuid),
    ):
        if text and "\0" in text:
            raise InvalidEventError(field, "contains a NUL character")
        # A blank id would make one conversation, and one bill, of all that have it.
        if text and not text.strip():
            raise InvalidEventError(field, "is blank")


def find_field(error: msgspec.ValidationError) -> str:
    """Return the dotted path of the field that `error` is about, or "body".

    msgspec names it in its message alone, at the end: "… - at `$.data.agent_uuid`", or for a
    missing one "… missing required field `created`".
    """
    message = str(error)
    path = FIELD_PATH.search(message)
    missing = re.search(r"missing required field `(\w+)`", message)
    parts = [path.group(1) if path else "", missing.group(1) if missing else ""]
    return ".".join(part for part in parts if part) or "body"


def describe(error: msgspec.ValidationError) -> str:
    """Return what is wrong in msgspec's words, which name types and limits but no value."""
    return str(error).split(" - at ")[0]
