"""What the fake HubSpot holds: records with their properties, and which belongs to which."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.hubspot_definitions import REQUIRED, Definition, build_definitions

COUNTRY_CODES = ("+49", "+44", "+1")


class Refused(Exception):  # noqa: N818 -- what the request is
    """The request, or one input of a batch, gets this error."""

    def __init__(
        self,
        status: int,
        category: str,
        *,
        code: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(category)
        self.status = status
        self.category = category
        self.code = code
        self.context = context or {}

    def to_json(self) -> dict[str, Any]:
        """Return the error in HubSpot's form."""
        error: dict[str, Any] = {
            "status": "error",
            "message": "Refused.",
            "correlationId": "00000000-0000-4000-8000-000000000000",
            "category": self.category,
        }
        if self.code or self.context:
            error["errors"] = [{"message": "Refused.", "context": self.context}]
            if self.code:
                error["errors"][0]["code"] = self.code
        return error


@dataclass(slots=True)
class Record:
    """One record. `versions` are its properties as they became, each with when, for the index."""

    id: str
    object_type: str
    properties: dict[str, str]
    versions: list[tuple[float, dict[str, str]]] = field(default_factory=list)


class Records:
    """All of an account's records; the caller sees to it that one thread at a time is here."""

    def __init__(self) -> None:
        self.definitions = build_definitions()
        self.by_type: dict[str, dict[str, Record]] = {name: {} for name in self.definitions}
        self.associations: set[tuple[str, str, str, str]] = set()
        self._last_id = 1000
        # By type, property and value: which records have had it, so that 10,000 are no trouble.
        self._index: dict[tuple[str, str, str], dict[str, Record]] = {}

    def validate(self, object_type: str, properties: Mapping[str, Any]) -> dict[str, str]:
        """Return the properties. Raises `Refused` for what HubSpot would not take."""
        for name, value in properties.items():
            definition = self.definitions[object_type].get(name)
            if definition is None:
                raise Refused(400, "VALIDATION_ERROR", code="PROPERTY_DOESNT_EXIST")
            if not isinstance(value, str):
                raise Refused(400, "VALIDATION_ERROR", code="INVALID_TYPE")
            mistake = definition.find_mistake(value)
            if mistake:
                raise Refused(400, "VALIDATION_ERROR", code=mistake)
        return dict(properties)

    def create(self, object_type: str, properties: Mapping[str, Any]) -> Record:
        """Add a record. Raises `Refused`."""
        values = self.validate(object_type, properties)
        if any(not values.get(name) for name in REQUIRED[object_type]):
            raise Refused(400, "VALIDATION_ERROR", code="REQUIRED_FIELD")
        self._keep_unique(object_type, values, "")
        self._last_id += 1
        record = Record(str(self._last_id), object_type, {})
        record.properties |= {"hs_object_id": record.id, "createdate": str(self._last_id)}
        self.by_type[object_type][record.id] = record
        self._write(record, values)
        return record

    def update(self, record: Record, properties: Mapping[str, Any]) -> None:
        """Write over a record's properties. Raises `Refused`."""
        values = self.validate(record.object_type, properties)
        self._keep_unique(record.object_type, values, record.id)
        self._write(record, values)

    def find(self, object_type: str, key: str, value: str) -> Record | None:
        """Return the record by its id, or by a unique property. Raises `Refused`."""
        if not key:
            return self.by_type[object_type].get(value)
        definition = self.definitions[object_type].get(key)
        if definition is None or not definition.is_unique:
            raise Refused(400, "VALIDATION_ERROR", code="NON_UNIQUE_PROPERTY")
        return next(self._with_value(object_type, key, value), None)

    def search(self, object_type: str, groups: list[Any], lag: float) -> list[Record]:
        """Return the records whose properties of `lag` seconds ago match a group, oldest first."""
        until = time.monotonic() - lag
        found: dict[str, Record] = {}
        for group in groups:
            for record in self._list_candidates(object_type, group["filters"][0]):
                known = [values for at, values in record.versions if at <= until]
                if known and self._matches(known[-1], group["filters"]):
                    found[record.id] = record
        return sorted(found.values(), key=lambda record: int(record.id))

    def associate(self, record: Record, other: Record) -> None:
        """Associate two records, both ways; nothing changes where they are."""
        self.associations |= {
            (record.object_type, record.id, other.object_type, other.id),
            (other.object_type, other.id, record.object_type, record.id),
        }

    def list_associated(self, record: Record, object_type: str) -> list[str]:
        """Return the ids of the records of `object_type` that belong to `record`."""
        start = (record.object_type, record.id, object_type)
        return sorted(a[3] for a in self.associations if a[:3] == start)

    def define(self, object_type: str, definition: Definition) -> None:
        """Add a property. Raises `Refused` where it is there."""
        if definition.name in self.definitions[object_type]:
            raise Refused(409, "OBJECT_ALREADY_EXISTS")
        if definition.group not in {d.group for d in self.definitions[object_type].values()}:
            raise Refused(400, "VALIDATION_ERROR", code="GROUP_DOES_NOT_EXIST")
        self.definitions[object_type][definition.name] = definition

    def _with_value(self, object_type: str, name: str, value: str) -> Iterator[Record]:
        for record in self._index.get((object_type, name, value), {}).values():
            if value and record.properties.get(name) == value:
                yield record

    def _list_candidates(self, object_type: str, single: Mapping[str, Any]) -> list[Record]:
        name = single["propertyName"]
        values = single["values"] if single["operator"] == "IN" else [single["value"]]
        return [
            record
            for value in values
            for record in self._index.get((object_type, name, value), {}).values()
        ]

    def _keep_unique(self, object_type: str, values: Mapping[str, str], own_id: str) -> None:
        for name, value in values.items():
            if self.definitions[object_type][name].is_unique and any(
                record.id != own_id for record in self._with_value(object_type, name, value)
            ):
                raise Refused(400, "VALIDATION_ERROR", code="CONFLICTING_UNIQUE_VALUE")

    def _write(self, record: Record, values: Mapping[str, str]) -> None:
        record.properties |= values
        if record.object_type == "contacts":
            for typed, calculated in (("phone", "phone"), ("mobilephone", "mobile")):
                record.properties[f"hs_searchable_calculated_{calculated}_number"] = (
                    read_local_number(record.properties.get(typed, ""))
                )
        record.versions.append((time.monotonic(), dict(record.properties)))
        for name, value in record.properties.items():
            self._index.setdefault((record.object_type, name, value), {})[record.id] = record

    def _matches(self, properties: Mapping[str, str], filters: list[Any]) -> bool:
        for single in filters:
            value = properties.get(single["propertyName"], "")
            match single["operator"]:
                case "EQ":
                    fits = value == single["value"]
                case "IN":
                    fits = value in single["values"]
                case _:
                    raise Refused(400, "VALIDATION_ERROR", code="INVALID_OPERATOR")
            if not value or not fits:
                return False
        return True


def read_local_number(written: str) -> str:
    """Return a number's area code and local number, as HubSpot calculates it for its search."""
    number = "".join(character for character in written if character in "+0123456789")
    for code in COUNTRY_CODES:
        if number.startswith(code):
            return number.removeprefix(code)
    return number.lstrip("+0")
