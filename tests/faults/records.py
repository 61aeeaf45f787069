"""What a request to the downstream is about and says, in the words of the reckoning.

Read from the request's own body, as the vendor of it would: nothing of the product is asked.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.faults.owed import TEXTS, Identity, Said

CAUSES = ("call-failed", "goal-failed")
"""The tags of a ticket that say why it was opened."""


def read_identity(integration: str, data: Mapping[str, Any]) -> Identity:
    """Return what must happen once by this request; raises KeyError where it does not say."""
    item = data["event"]["event_id"] if integration == "crm" else ""
    if integration == "tickets":
        item = next(tag for tag in data["tags"] if tag in CAUSES).replace("-", "_")
    elif integration == "tasks":
        item = data["title"]
    return Identity(integration, data["conversation"]["conversation_uuid"], item)


def read_said(integration: str, data: Mapping[str, Any]) -> Said:
    """Return what the record says after this request, as far as it is compared."""
    if integration == "crm":
        return read_state(data["conversation"])
    if integration == "usage":
        return {"seconds": data["seconds"], "at": read_moment(data["occurred_at"])}
    if integration == "tickets":
        said = {name: data[name] for name in ("subject", "priority")}
        return said | {"phone": data["requester_phone"]}
    return {
        "title": data["title"],
        "phone": data["phone_number"],
        "due": read_moment(data["due_at"]),
    }


def read_state(facts: Mapping[str, Any]) -> Said:
    """Return what a contact update says of its conversation."""
    names = (*TEXTS, "status", "answer_status", "duration_seconds", "score", "summary")
    return {name: facts[name] for name in names} | {
        "started_at": read_moment(facts["started_at"]),
        "ended_at": read_moment(facts["ended_at"]),
        "goals": [[goal["name"], goal["achieved"], goal["reason"]] for goal in facts["goals"]],
    }


def read_moment(text: str | None) -> int | None:
    """Return the whole Unix seconds of a time."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp())
