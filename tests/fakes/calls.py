"""A request to a fake and its answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Call:
    """A request that arrived. Header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: int = 0
    """The client's port: the same for requests over one connection."""

    def read_json(self) -> Any:
        """Return the body's value; raises `ValueError`."""
        return json.loads(self.body)

    def read_form(self) -> dict[str, str]:
        """Return the body's fields where it is `application/x-www-form-urlencoded`."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `json`, or `body` as it stands, or nothing."""

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the body's bytes."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else json.dumps(self.json).encode()
