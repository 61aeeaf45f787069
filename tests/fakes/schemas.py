"""OpenAPI 3.0's schemas as JSON Schema 2020-12, closed against fields that they do not name."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

OPEN = "-open"
"""Ends the name of a component's second form, the one that leaves unnamed fields to whom it is a
part of."""
NOWHERE: Schema = {"not": {}}
"""Is true of nothing; jsonschema says for it, and not for `false`, where it was broken."""
COMPOSITIONS = ("allOf", "anyOf", "oneOf")
COPIED = {
    *("type", "required", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"),
    *("multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
}
"""What means the same in both."""


def translate_components(components: Mapping[str, Schema], *, forbidden: str) -> Schema:
    """Return the components for `$defs`, each of them closed and once more open.

    `forbidden` is the mark of the fields that may not occur: `readOnly` in what is sent,
    `writeOnly` in what is answered.
    """
    translate = Translation(components, forbidden)
    defs = {name: translate(schema) for name, schema in components.items()}
    opened = {name + OPEN: translate(schema, close=False) for name, schema in components.items()}
    return defs | opened


class Translation:
    """Translates one schema; `$ref`s lead to `#/$defs` afterwards."""

    def __init__(self, components: Mapping[str, Schema], forbidden: str) -> None:
        self.components = components
        self.forbidden = forbidden

    def __call__(self, schema: Schema, *, close: bool = True) -> Schema:
        """Return `schema` as JSON Schema.

        An object that names its fields and does not say what others may be has no others. Where
        it is put together from parts, a field may come from any of them: the parts stay open and
        the whole is closed.
        """
        if "$ref" in schema:
            return {"$ref": f"#/$defs/{name_component(schema)}{'' if close else OPEN}"}
        translated = {key: schema[key] for key in COPIED & schema.keys()}
        if "enum" in schema:
            translated["enum"] = schema["enum"]
        if "items" in schema:
            translated["items"] = self(schema["items"])
        self.translate_fields(schema, translated)
        parts = [key for key in COMPOSITIONS if key in schema]
        for key in parts:
            translated[key] = [self(part, close=False) for part in schema[key]]
        if close and "additionalProperties" not in schema:
            if parts:
                translated["unevaluatedProperties"] = False
            elif "properties" in schema:
                translated["additionalProperties"] = False
        return allow_null(translated) if schema.get("nullable") else translated

    def translate_fields(self, schema: Schema, translated: Schema) -> None:
        """Translate what an object may hold; a forbidden field may not be there at all."""
        fields = schema.get("properties", {})
        banned = {name for name, field in fields.items() if self.look_up(field, self.forbidden)}
        if fields:
            translated["properties"] = {
                name: NOWHERE if name in banned else self(field) for name, field in fields.items()
            }
        if banned and "required" in translated:
            translated["required"] = [n for n in translated["required"] if n not in banned]
        others = schema.get("additionalProperties")
        if others is not None:
            translated["additionalProperties"] = (
                self(others) if isinstance(others, dict) else others
            )

    def look_up(self, schema: Schema, key: str) -> Any:
        """Return what `schema`, or the component that it stands for, says under `key`."""
        while "$ref" in schema:
            schema = self.components[name_component(schema)]
        return schema.get(key)


def name_component(schema: Schema) -> str:
    """Return the name in `#/components/schemas/<name>`."""
    name: str = schema["$ref"].removeprefix("#/components/schemas/")
    return name


def allow_null(schema: Schema) -> Schema:
    """Return `schema` with null allowed; a plain type keeps its form, which reads better."""
    if isinstance(schema.get("type"), str) and not any(key in schema for key in COMPOSITIONS):
        widened = schema | {"type": [schema["type"], "null"]}
        if "enum" in schema:
            widened["enum"] = [*schema["enum"], None]
        return widened
    return {"anyOf": [schema, {"type": "null"}]}
