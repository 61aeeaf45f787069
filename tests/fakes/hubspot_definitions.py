"""The properties that a fresh HubSpot account has, as far as they matter here."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "number", "datetime", "enumeration"]

LONGEST = 65_536


@dataclass(frozen=True, slots=True)
class Definition:
    """A property of an object type."""

    name: str
    kind: Kind = "string"
    group: str = "information"
    is_unique: bool = False
    is_read_only: bool = False
    options: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what HubSpot says of it."""
        return {
            "name": self.name,
            "label": self.name,
            "type": self.kind,
            "fieldType": {"string": "text", "number": "number"}.get(self.kind, "select"),
            "groupName": self.group,
            "hasUniqueValue": self.is_unique,
            "options": [{"label": option, "value": option} for option in self.options],
        }

    def find_mistake(self, value: str) -> str:
        """Return the code of what is wrong with a value, or nothing."""
        if self.is_read_only:
            return "READ_ONLY_VALUE"
        if value == "":
            return ""
        if self.kind == "number":
            return "" if is_number(value) else "INVALID_FLOAT"
        if self.kind == "datetime":
            return "" if value.lstrip("-").isdigit() else "INVALID_DATE"
        if self.kind == "enumeration":
            return "" if value in self.options else "INVALID_OPTION"
        # HubSpot counts as Java does: an emoji is two characters.
        return "" if len(value.encode("utf-16-le")) // 2 <= LONGEST else "VALUE_TOO_LONG"


def is_number(value: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def of(group: str, *definitions: Definition) -> dict[str, Definition]:
    """Return the definitions by name, in their group."""
    return {
        d.name: Definition(d.name, d.kind, group, d.is_unique, d.is_read_only, d.options)
        for d in definitions
    }


CALL_STATUSES = (
    "BUSY",
    "CALLING_CRM_USER",
    "CANCELED",
    "COMPLETED",
    "CONNECTING",
    "FAILED",
    "IN_PROGRESS",
    "NO_ANSWER",
    "QUEUED",
    "RINGING",
)
DISPOSITIONS = (
    "9d9162e7-6cf3-4944-bf63-4dff82258764",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
    "b2cf5968-551e-4856-9783-52b3da59a7d0",
    "73a0d17f-1163-4015-bdd5-ec830791da20",
    "17b47fee-58de-441e-a44c-c6300d46f273",
)


def build_definitions() -> dict[str, dict[str, Definition]]:
    """Return a fresh account's properties, by object type and name."""
    system = (
        Definition("hs_object_id", is_read_only=True),
        Definition("createdate", "datetime", is_read_only=True),
    )
    return {
        "contacts": of(
            "contactinformation",
            *system,
            Definition("email", is_unique=True),
            Definition("firstname"),
            Definition("lastname"),
            Definition("phone"),
            Definition("mobilephone"),
            Definition("hs_searchable_calculated_phone_number", is_read_only=True),
            Definition("hs_searchable_calculated_mobile_number", is_read_only=True),
        ),
        "calls": of(
            "call_information",
            *system,
            Definition("hs_timestamp", "datetime"),
            Definition("hs_call_title"),
            Definition("hs_call_body"),
            Definition("hs_call_direction", "enumeration", options=("INBOUND", "OUTBOUND")),
            Definition("hs_call_status", "enumeration", options=CALL_STATUSES),
            Definition("hs_call_disposition", "enumeration", options=DISPOSITIONS),
            Definition("hs_call_duration", "number"),
            Definition("hs_call_from_number"),
            Definition("hs_call_to_number"),
            Definition("hubspot_owner_id", "enumeration", options=("7001", "7002")),
        ),
        "tasks": of(
            "task_information",
            *system,
            Definition("hs_timestamp", "datetime"),
            Definition("hs_task_subject"),
            Definition("hs_task_body"),
            Definition(
                "hs_task_status", "enumeration", options=("NOT_STARTED", "COMPLETED", "WAITING")
            ),
            Definition("hs_task_priority", "enumeration", options=("LOW", "MEDIUM", "HIGH")),
            Definition("hs_task_type", "enumeration", options=("EMAIL", "CALL", "TODO")),
            Definition("hubspot_owner_id", "enumeration", options=("7001", "7002")),
        ),
    }


REQUIRED = {"contacts": (), "calls": ("hs_timestamp",), "tasks": ("hs_timestamp",)}
