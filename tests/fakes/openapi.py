"""Requests and answers held against a vendor's own OpenAPI document.

    spec = find_spec("zendesk/support-tickets.trimmed.json")     # None where it is not there
    spec.check_request("POST", "/api/v2/tickets", {}, {"ticket": {...}})
    spec.check_answer("POST", "/api/v2/tickets", 201, {"ticket": {...}})

The documents are not part of this repository: `VENDOR_SPECS_DIR` names the folder they are in.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.fakes.forms import coerce_form
from tests.fakes.schemas import Schema, Translation, translate_components

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
FORMATS = FormatChecker(["email"])
MOST_PLACES = 5


class SpecMismatch(AssertionError):  # noqa: N818 -- says what was found
    """Something sent or answered is not what the vendor's document describes.

    The message names the place and the rule, never the value, which may be a person's.
    """


def is_time(value: object) -> bool:
    """Tell whether a text is a point in time that knows its offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


for name in ("date-time", "datetime"):
    FORMATS.checks(name, raises=ValueError)(is_time)


def find_spec(name: str, amend: Callable[[Schema], None] | None = None) -> "Spec | None":
    """Return the document `name` in the folder `VENDOR_SPECS_DIR`, or None where it is not there.

    `amend` may change the document where it is known to be wrong.
    """
    folder = os.environ.get("VENDOR_SPECS_DIR")
    if not folder or not (Path(folder) / name).is_file():
        return None
    return Spec(Path(folder) / name, amend)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with the path's own parameters among its own."""

    name: str
    described: Mapping[str, Any]
    parameters: Mapping[tuple[str, str], Schema]
    """Parameters by where they are (`path`, `query`, `header`) and their names."""
    path_values: Mapping[str, str]


class Spec:
    """A vendor's OpenAPI 3.0 document."""

    def __init__(self, path: Path, amend: Callable[[Schema], None] | None = None) -> None:
        """Read the document at `path`."""
        document = json.loads(path.read_bytes())
        if amend is not None:
            amend(document)
        self.document = document
        schemas = document.get("components", {}).get("schemas", {})
        self.sent = Translation(schemas, "readOnly")
        self.answered = Translation(schemas, "writeOnly")
        self.sent_defs = translate_components(schemas, forbidden="readOnly")
        self.answered_defs = translate_components(schemas, forbidden="writeOnly")

    def check_request(
        self, method: str, path: str, query: Mapping[str, Any], body: object = None
    ) -> None:
        """Raise `SpecMismatch` where the request is not one that the vendor describes.

        `path` has no query; `query` holds the decoded parameters. `body` is the decoded body:
        JSON's own types, or for a form what `decode_form` returns; None for no body.
        """
        operation = self.find_operation(method, path)
        self.check_parameters(operation, "path", operation.path_values)
        self.check_parameters(operation, "query", query)
        described = self.resolve(operation.described.get("requestBody", {}))
        if body is None:
            if described.get("required"):
                raise SpecMismatch(f"{operation.name}: the body is missing.")
            return
        content = described.get("content", {})
        form = JSON not in content and FORM in content
        if not form and JSON not in content:
            raise SpecMismatch(f"{operation.name}: a body is not expected.")
        schema = content[FORM if form else JSON]["schema"]
        translated = self.sent(schema) | {"$defs": self.sent_defs}
        checked = coerce_form(body, translated) if form else body
        check(f"{operation.name}: request body", translated, checked)

    def check_answer(self, method: str, path: str, status: int, body: object = None) -> None:
        """Raise `SpecMismatch` where the answer is not one that the vendor describes.

        `body` is the decoded JSON, None for no body. An error status passes where the document
        describes no errors at all for the operation.
        """
        operation = self.find_operation(method, path)
        responses = operation.described["responses"]
        described = responses.get(str(status)) or responses.get("default")
        name = f"{operation.name}: answer {status}"
        if described is None:
            if status < 400:
                raise SpecMismatch(f"{name} is not described.")
            return
        content = self.resolve(described).get("content", {})
        if JSON not in content:
            if body is not None:
                raise SpecMismatch(f"{name}: a body is not expected.")
            return
        schema = self.answered(content[JSON]["schema"]) | {"$defs": self.answered_defs}
        check(name, schema, body)

    def find_operation(self, method: str, path: str) -> Operation:
        """Return what answers `method` at `path`; a path without variables goes before one with.

        Raises `SpecMismatch` where there is none.
        """
        for template in sorted(self.document["paths"], key=lambda path: path.count("{")):
            values = match_path(template, path)
            item = self.document["paths"][template]
            if values is not None and method.lower() in item:
                described = item[method.lower()]
                parameters = [
                    self.resolve(parameter)
                    for parameter in [*item.get("parameters", []), *described.get("parameters", [])]
                ]
                return Operation(
                    name=f"{method.upper()} {template}",
                    described=described,
                    parameters={(p["in"], p["name"]): dict(p) for p in parameters},
                    path_values=values,
                )
        raise SpecMismatch(f"{method.upper()} is not described for this path.")

    def check_parameters(self, operation: Operation, where: str, given: Mapping[str, Any]) -> None:
        """Check what the address carries, which comes as text whatever its type."""
        described: dict[str, Any] = {
            name: p for (place, name), p in operation.parameters.items() if place == where
        }
        schema = {
            "type": "object",
            "properties": {name: self.sent(p["schema"]) for name, p in described.items()},
            "required": [name for name, p in described.items() if p.get("required")],
            "additionalProperties": False,
            "$defs": self.sent_defs,
        }
        check(f"{operation.name}: {where}", schema, coerce_form(dict(given), schema))

    def resolve(self, described: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a `$ref` to a shared parameter, body or response."""
        found: Any = described
        while "$ref" in found:
            place = found["$ref"].removeprefix("#/").split("/")
            found = self.document
            for key in place:
                found = found[key]
        result: Mapping[str, Any] = found
        return result


def match_path(template: str, path: str) -> dict[str, str] | None:
    """Return the variables of `path`, or None where it is not one of `template`."""
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(
        f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    found = re.fullmatch(pattern, path)
    return None if found is None else found.groupdict()


def check(name: str, schema: Schema, value: object) -> None:
    """Raise `SpecMismatch` with the places where `value` breaks `schema`."""
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    places = sorted({place for e in validator.iter_errors(value) for place in say(e)})
    if places:
        raise SpecMismatch(f"{name}: " + "; ".join(places[:MOST_PLACES]))


def say(error: ValidationError) -> Iterator[str]:
    """Say where and which rule is broken; inside alternatives, for each of them."""
    for inner in error.context or ():
        yield from say(inner)
    if error.context:
        return
    place = "".join(f"/{part}" for part in error.absolute_path) or "/"
    if error.validator in {"required", "additionalProperties", "unevaluatedProperties"}:
        # These messages quote the names of fields and nothing else.
        yield f"{place}: {error.message}"
    elif error.validator == "not":
        yield f"{place} may not be there"
    else:
        yield f"{place}: not of {error.validator} {error.validator_value}"
