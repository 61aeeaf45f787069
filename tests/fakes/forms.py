"""Forms with brackets: `payload[value]=61` as the nested texts that it stands for."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl


def decode_form(content: bytes | str) -> dict[str, Any]:
    """Return the fields of a body or query, with brackets as nested objects.

    `a[b]=1` is `{"a": {"b": "1"}}`; `a[]=1&a[]=2` and `a[0]=1&a[1]=2` are `{"a": ["1", "2"]}`.
    All values are texts. Raises `ValueError` where a field is given twice or in two forms.
    """
    text = content.decode() if isinstance(content, bytes) else content
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, brackets = name.partition("[")[::2]
        *outer, last = [first, *re.findall(r"\[?([^\[\]]*)\]", brackets)]
        place = tree
        for key in outer:
            place = place.setdefault(key or str(len(place)), {})
            if not isinstance(place, dict):
                raise ValueError("a field is given in two forms")  # noqa: TRY004 -- a wrong form
        if (last or str(len(place))) in place:
            raise ValueError("a field is given twice")
        place[last or str(len(place))] = value
    return {key: gather_lists(value) for key, value in tree.items()}


def gather_lists(value: Any) -> Any:
    """Turn objects whose keys are 0, 1, 2 … into lists."""
    if not isinstance(value, dict):
        return value
    gathered = {key: gather_lists(inner) for key, inner in value.items()}
    if list(gathered) == [str(place) for place in range(len(gathered))]:
        return list(gathered.values())
    return gathered


def coerce_form(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` with texts turned into the numbers and booleans that `schema` asks for.

    A text that is none stays, for the validation to find. A schema put together from parts
    leaves it as it is too.
    """
    if isinstance(value, dict):
        named = schema.get("properties", {})
        others = schema.get("additionalProperties")
        schemas = {key: named.get(key, others) for key in value}
        return {
            key: coerce_form(inner, schemas[key] if isinstance(schemas[key], Mapping) else {})
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [coerce_form(inner, schema.get("items", {})) for inner in value]
    kinds = schema.get("type", "string")
    if "string" in kinds:
        return value
    return coerce_text(value, kinds)


def coerce_text(text: str, kinds: str | Collection[str]) -> int | float | bool | str:
    """Return the integer, number or boolean that `text` writes, if it is one of `kinds`."""
    if "integer" in kinds and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    return text
