"""Documents that describe a vendor, and what is held against them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.forms import decode_form
from tests.fakes.openapi import Spec, SpecMismatch, find_spec

THING = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "password": {"type": "string", "writeOnly": True},
        "name": {"type": "string", "maxLength": 5},
        "colour": {"type": "string", "enum": ["red", "blue"], "nullable": True},
        "parent": {"nullable": True, "anyOf": [{"$ref": "#/components/schemas/Thing"}]},
        "since": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}},
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["id", "name"],
}
TAG = {"type": "object", "properties": {"text": {"type": "string"}}}
BIG = {
    "allOf": [
        {"$ref": "#/components/schemas/Thing"},
        {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
    ]
}
LOOSE = {"anyOf": [{"$ref": "#/components/schemas/Tag"}], "additionalProperties": True}


def answer_with(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a description of answers that have this body."""
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def take(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """Return a description of a body."""
    return {"required": True, "content": {kind: {"schema": schema}}}


DOCUMENT = {
    "openapi": "3.0.3",
    "paths": {
        "/things": {
            "parameters": [{"$ref": "#/components/parameters/Page"}],
            "get": {
                "parameters": [
                    {"in": "query", "name": "name", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {"200": answer_with({"$ref": "#/components/schemas/Big"})},
            },
            "post": {
                "requestBody": take({"$ref": "#/components/schemas/Thing"}),
                "responses": {"201": answer_with({"$ref": "#/components/schemas/Thing"})},
            },
            "put": {
                "requestBody": take({"$ref": "#/components/schemas/Big"}),
                "responses": {"204": {"description": ""}},
            },
            "patch": {
                "requestBody": take({"$ref": "#/components/schemas/Loose"}),
                "responses": {"default": answer_with({"$ref": "#/components/schemas/Tag"})},
            },
        },
        "/things/{id}": {
            "parameters": [
                {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}
            ],
            "get": {"responses": {"200": answer_with({"$ref": "#/components/schemas/Thing"})}},
        },
        "/things/latest": {"get": {"responses": {"200": {"description": ""}}}},
        "/forms": {
            "post": {
                "requestBody": take(
                    {
                        "type": "object",
                        "properties": {
                            "at": {"type": "integer"},
                            "payload": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                            "expand": {"type": "array", "items": {"type": "string"}},
                        },
                        "required": ["at"],
                    },
                    "application/x-www-form-urlencoded",
                ),
                "responses": {},
            }
        },
    },
    "components": {
        "schemas": {"Thing": THING, "Tag": TAG, "Big": BIG, "Loose": LOOSE},
        "parameters": {"Page": {"in": "query", "name": "page", "schema": {"type": "integer"}}},
    },
}


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Read the document above from a file."""
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(DOCUMENT))
    return Spec(path)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ann"},
        {"name": "Ann", "password": "x", "colour": None, "tags": [{"text": "a"}, {}]},
        {"name": "Ann", "extra": {"any": "text"}, "since": "2026-03-04T09:30:00Z"},
        {"name": "Ann", "parent": None},
        {"name": "Ann", "parent": {"name": "Bob", "parent": {"name": "Cy"}}},
    ],
)
def test_described_body_passes(spec: Spec, body: object) -> None:
    """Optional, nullable, nested and freely named fields are all right."""
    spec.check_request("POST", "/things", {}, body)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (None, "the body is missing"),
        ([], "/: not of type object"),
        ({}, "/: 'name' is a required property"),
        ({"name": "secret"}, "/name: not of maxLength 5"),
        ({"name": None}, "/name: not of type string"),
        ({"name": "Ann", "shoe": "secret"}, "'shoe' was unexpected"),
        ({"name": "Ann", "id": 77}, "/id may not be there"),
        ({"name": "Ann", "colour": "secret"}, "/colour: not of enum ['red', 'blue', None]"),
        ({"name": "Ann", "since": "secret"}, "/since: not of format date-time"),
        ({"name": "Ann", "since": "2026-03-04T09:30:00"}, "/since: not of format date-time"),
        ({"name": "Ann", "tags": [{"shoe": "secret"}]}, "/tags/0: "),
        ({"name": "Ann", "parent": {"name": "Bob", "id": 77}}, "/parent/id may not be there"),
        ({"name": "Ann", "extra": {"any": 77}}, "/extra/any: not of type string"),
    ],
)
def test_other_body_is_a_mismatch_that_names_the_place(
    spec: Spec, body: object, place: str
) -> None:
    """The message says where and which rule, and shows no value."""
    with pytest.raises(SpecMismatch) as caught:
        spec.check_request("POST", "/things", {}, body)
    assert "POST /things" in str(caught.value)
    assert place in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "77" not in str(caught.value)


def test_whole_of_parts_has_the_parts_fields_and_no_other(spec: Spec) -> None:
    """`allOf` closes the whole, not each part against the other's fields."""
    spec.check_request("PUT", "/things", {}, {"name": "Ann", "size": 1})
    with pytest.raises(SpecMismatch, match="'shoe' was unexpected"):
        spec.check_request("PUT", "/things", {}, {"name": "Ann", "size": 1, "shoe": 1})
    with pytest.raises(SpecMismatch, match="'size' is a required property"):
        spec.check_request("PUT", "/things", {}, {"name": "Ann"})


def test_schema_that_says_it_is_open_stays_open(spec: Spec) -> None:
    """`additionalProperties: true` is heeded, around alternatives too."""
    spec.check_request("PATCH", "/things", {}, {"text": "a", "more": 1})
    with pytest.raises(SpecMismatch, match="/text: not of type string"):
        spec.check_request("PATCH", "/things", {}, {"text": 1, "more": 1})


def test_answer_has_what_requests_may_not_and_the_other_way_round(spec: Spec) -> None:
    """Read-only fields belong into answers, write-only fields do not."""
    spec.check_answer("POST", "/things", 201, {"id": 1, "name": "Ann"})
    with pytest.raises(SpecMismatch, match="'id' is a required property"):
        spec.check_answer("POST", "/things", 201, {"name": "Ann"})
    with pytest.raises(SpecMismatch, match="/password may not be there"):
        spec.check_answer("POST", "/things", 201, {"id": 1, "name": "Ann", "password": "x"})


def test_answers_that_are_not_described(spec: Spec) -> None:
    """A success must be described; an error need not be where the document describes none."""
    with pytest.raises(SpecMismatch, match="answer 200 is not described"):
        spec.check_answer("POST", "/things", 200, {"id": 1, "name": "Ann"})
    spec.check_answer("POST", "/things", 422, {"whatever": 1})
    with pytest.raises(SpecMismatch, match="answer 422: /"):
        spec.check_answer("PATCH", "/things", 422, {"whatever": 1})


def test_answer_without_a_body(spec: Spec) -> None:
    """A body is refused where none is described, and the other way round."""
    spec.check_answer("PUT", "/things", 204)
    with pytest.raises(SpecMismatch, match="a body is not expected"):
        spec.check_answer("PUT", "/things", 204, {})
    with pytest.raises(SpecMismatch, match="not of type object"):
        spec.check_answer("POST", "/things", 201)


def test_parameters_are_checked(spec: Spec) -> None:
    """Unknown, missing and wrong ones are found; numbers come as text."""
    spec.check_request("GET", "/things", {"name": "7", "page": "2"})
    with pytest.raises(SpecMismatch, match="'shoe' was unexpected"):
        spec.check_request("GET", "/things", {"name": "a", "shoe": "1"})
    with pytest.raises(SpecMismatch, match="'name' is a required property"):
        spec.check_request("GET", "/things", {})
    with pytest.raises(SpecMismatch, match="/page: not of type integer"):
        spec.check_request("GET", "/things", {"name": "a", "page": "two"})
    with pytest.raises(SpecMismatch, match="/id: not of type integer"):
        spec.check_request("GET", "/things/one", {})


def test_path_is_found_by_its_closest_description(spec: Spec) -> None:
    """A path without variables goes before one with; what nothing describes is a mismatch."""
    spec.check_request("GET", "/things/12", {})
    spec.check_request("GET", "/things/latest", {})
    for method, path in [("DELETE", "/things"), ("GET", "/things/1/2"), ("GET", "/other")]:
        with pytest.raises(SpecMismatch, match="not described"):
            spec.check_request(method, path, {})
    with pytest.raises(SpecMismatch, match="a body is not expected"):
        spec.check_request("GET", "/things/12", {}, {})


def test_form_is_checked_after_it_was_decoded(spec: Spec) -> None:
    """Brackets become objects and lists, and texts the numbers that are asked for."""
    body = decode_form(b"at=12&payload[value]=61&payload[who]=a%20b&expand[]=x&expand[]=y")
    assert body == {
        "at": "12",
        "payload": {"value": "61", "who": "a b"},
        "expand": ["x", "y"],
    }
    spec.check_request("POST", "/forms", {}, body)
    with pytest.raises(SpecMismatch, match="/at: not of type integer"):
        spec.check_request("POST", "/forms", {}, decode_form("at=twelve"))
    with pytest.raises(SpecMismatch, match="'shoe' was unexpected"):
        spec.check_request("POST", "/forms", {}, decode_form("at=12&shoe=1"))


def test_deeper_and_numbered_brackets() -> None:
    """Objects within objects and numbered lists are decoded; an empty form is no field."""
    assert decode_form("a[b][c]=1&a[b][d]=&l[0]=x&l[1]=y") == {
        "a": {"b": {"c": "1", "d": ""}},
        "l": ["x", "y"],
    }
    assert decode_form(b"") == {}


@pytest.mark.parametrize("form", ["a=1&a=2", "a[b]=1&a[b]=2", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_form_that_says_two_things_is_refused(form: str) -> None:
    """Neither value can be the right one."""
    with pytest.raises(ValueError, match="a field is given"):
        decode_form(form)


def test_document_is_amended_where_it_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a caller knows better than the document is changed before it is used."""
    (tmp_path / "spec.json").write_text(json.dumps(DOCUMENT))
    monkeypatch.setenv("VENDOR_SPECS_DIR", str(tmp_path))
    spec = find_spec(
        "spec.json", lambda document: document["components"]["schemas"]["Tag"].update(TAG_AMENDED)
    )
    assert spec is not None
    spec.check_request("PATCH", "/things", {}, {"text": 1})


TAG_AMENDED = {"properties": {"text": {"type": "integer"}}}


def test_absent_document_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes work without the documents, whose folder only some machines have."""
    monkeypatch.setenv("VENDOR_SPECS_DIR", str(tmp_path))
    assert find_spec("vendor/spec.json") is None
    monkeypatch.delenv("VENDOR_SPECS_DIR")
    assert find_spec("vendor/spec.json") is None
