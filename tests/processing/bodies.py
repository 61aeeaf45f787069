"""Events that are not saved: what `read_facts` makes of a body needs no database."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from webhooks.models import Event
from webhooks.processing.projection import read_facts

CREATED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def make_event(event_type: str, data: Any = None, *, body: bytes | None = None) -> Event:
    """Return an event whose body has `data`, or is `body`."""
    return Event(
        event_id=uuid.uuid4(),
        event_type=event_type,
        created=CREATED,
        organization_uuid="organization-1",
        organization_name="Organization One",
        body=json.dumps({"data": data}).encode() if body is None else body,
    )


def read_values(event_type: str, data: Any) -> dict[str, Any]:
    """Return what an event with `data` says, without what each event of a type says."""
    values = dict(read_facts(make_event(event_type, data)).values)
    for name in ("organization_uuid", "organization_name", "analysed_at"):
        values.pop(name, None)
    return values


def read_raw_values(event_type: str, data: bytes) -> dict[str, Any]:
    """Return what an event says whose `data` is these bytes of JSON."""
    event = make_event(event_type, body=b'{"data":' + data + b"}")
    return dict(read_facts(event).values)
