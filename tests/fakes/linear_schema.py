"""The part of Linear's schema that an issue needs, and operations held against it.

Source: `packages/sdk/src/schema.graphql` in https://github.com/linear/linear.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(r"\$?[A-Za-z_]\w*|[0-9]+|[{}():!]")

# By type and field: the arguments with their types, and the type of what comes back.
FIELDS: Mapping[str, Mapping[str, tuple[Mapping[str, str], str]]] = {
    "mutation": {"issueCreate": ({"input": "IssueCreateInput!"}, "IssuePayload")},
    "query": {
        "issue": ({"id": "String!"}, "Issue"),
        "team": ({"id": "String!"}, "Team"),
        "teams": ({"filter": "TeamFilter", "first": "Int"}, "TeamConnection"),
        "viewer": ({}, "User"),
    },
    "IssuePayload": {"success": ({}, ""), "lastSyncId": ({}, ""), "issue": ({}, "Issue")},
    "Issue": {
        name: ({}, "") for name in ("id", "identifier", "url", "title", "description", "trashed")
    },
    "Team": {name: ({}, "") for name in ("id", "key", "name", "archivedAt")},
    "TeamConnection": {"nodes": ({}, "Team")},
    "User": {"id": ({}, ""), "name": ({}, "")},
}
ISSUE_INPUT: Mapping[str, type] = {
    **dict.fromkeys(("id", "teamId", "title", "description", "dueDate"), str),
    **dict.fromkeys(("assigneeId", "stateId", "projectId", "projectMilestoneId"), str),
    **dict.fromkeys(("cycleId", "parentId", "delegateId", "templateId"), str),
    **dict.fromkeys(("priority", "estimate"), int),
    **dict.fromkeys(("labelIds", "subscriberIds"), list),
}
REQUIRED = frozenset({"teamId"})


class Invalid(Exception):  # noqa: N818 -- says what it is
    """The operation does not fit the schema."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with one field at its top, and that field's arguments with their values."""

    field: str
    arguments: Mapping[str, Any]


def read_operation(query: str, variables: Mapping[str, Any]) -> Operation:
    """Return what `query` asks for. Raises `Invalid` where it does not fit the schema."""
    tokens = Tokens(query)
    kind = tokens.take()
    if kind not in {"query", "mutation"} or not tokens.take().isidentifier():
        raise Invalid("an operation has a kind and a name")
    declared = dict(read_variables(tokens)) if tokens.next == "(" else {}
    missing = {name for name, type_ in declared.items() if type_.endswith("!")} - variables.keys()
    if missing or variables.keys() - declared.keys():
        raise Invalid("the variables are not those that the operation declares")
    tokens.expect("{")
    field = tokens.take()
    arguments = read_field(tokens, kind, field, declared, variables)
    tokens.expect("}")
    if tokens.next:
        raise Invalid("there is more after the operation")
    return Operation(field, arguments)


def read_variables(tokens: "Tokens") -> Iterator[tuple[str, str]]:
    """Yield the name and type of each variable that the operation declares."""
    tokens.expect("(")
    while tokens.next != ")":
        name = tokens.take().removeprefix("$")
        tokens.expect(":")
        type_ = tokens.take()
        yield name, type_ + (tokens.take() if tokens.next == "!" else "")
    tokens.expect(")")


def read_field(
    tokens: "Tokens",
    parent: str,
    field: str,
    declared: Mapping[str, str],
    variables: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the arguments of `field`, once all that is selected of it is in the schema."""
    if field not in FIELDS[parent]:
        raise Invalid(f"{parent} has no {field}")
    types, result = FIELDS[parent][field]
    arguments = read_arguments(tokens, types, declared, variables) if tokens.next == "(" else {}
    if any(type_.endswith("!") and arguments.get(name) is None for name, type_ in types.items()):
        raise Invalid(f"{field} lacks an argument")
    if (tokens.next == "{") != bool(result):
        raise Invalid(f"a selection of {field} is missing, or there is none")
    if result:
        tokens.expect("{")
        while tokens.next != "}":
            read_field(tokens, result, tokens.take(), declared, variables)
        tokens.expect("}")
    return arguments


def read_arguments(
    tokens: "Tokens",
    types: Mapping[str, str],
    declared: Mapping[str, str],
    variables: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a field's arguments, whose `types` those of the variables must be."""
    arguments: dict[str, Any] = {}
    tokens.expect("(")
    while tokens.next != ")":
        name = tokens.take()
        tokens.expect(":")
        value = tokens.take()
        if name not in types:
            raise Invalid(f"there is no argument {name}")
        if not value.startswith("$"):
            arguments[name] = int(value)
        elif declared.get(value[1:], "").removesuffix("!") != types[name].removesuffix("!"):
            raise Invalid(f"{name} is a {types[name]}")
        else:
            arguments[name] = variables.get(value[1:])
    tokens.expect(")")
    return arguments


class Tokens:
    """A query's words and signs, taken one after the other."""

    def __init__(self, query: str) -> None:
        if re.sub(r"[\s,]", "", TOKEN.sub("", query)):
            raise Invalid("the query has signs that are not GraphQL's, or not this fake's")
        self._left: list[str] = TOKEN.findall(query)[::-1]

    @property
    def next(self) -> str:
        """What comes next, empty at the end."""
        return self._left[-1] if self._left else ""

    def take(self) -> str:
        """Take what comes next."""
        if not self._left:
            raise Invalid("the query ends too early")
        return self._left.pop()

    def expect(self, sign: str) -> None:
        """Take `sign`."""
        if self.take() != sign:
            raise Invalid(f"a {sign} is missing")


def find_mistake(given: Mapping[str, Any]) -> str:
    """Return what is wrong with an `IssueCreateInput`, or an empty text."""
    for name, value in given.items():
        if name not in ISSUE_INPUT:
            return f"IssueCreateInput has no {name}"
        if type(value) is not ISSUE_INPUT[name]:
            return f"{name} is of another type"
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            return f"{name} holds something that is no text"
    return "" if given.keys() >= REQUIRED else "teamId is missing"
