"""What programs send: read strictly, so that a mistyped field is told and not passed over.

The OpenAPI document is made from the same classes that bodies are read with.
"""

import re
from typing import IO, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.settings import api_settings

from webhooks.api.problems import BodyTooLargeError
from webhooks.json_bytes import decode_json

BodyT = TypeVar("BodyT", bound=Struct)

LONGEST_BODY = 1024 * 1024
"""Bytes; the longest list of names is a part of it."""


def read_number(text: str) -> int | float:
    """Return a number that is written with a point or an exponent: 1.0 is as whole as 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


decoder = msgspec.json.Decoder(float_hook=read_number)

# Postgres has no place for a NUL, and a reason that nobody can see is none.
Why = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00]*[^\x00-\x20][^\x00]*$",
        description="Why; kept with the record of it.",
    ),
]


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something is done."""

    reason: Why


def read_body(request: Request, body_type: type[BodyT]) -> BodyT:
    """Return the request's body. Raises ValidationError, which names the field that is wrong."""
    return convert(request.data, body_type)


def convert(data: object, body_type: type[BodyT]) -> BodyT:
    """Return `data` as a `body_type`. Raises ValidationError, which names the field."""
    try:
        return msgspec.convert(data, body_type, dec_hook=read_choice)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        path = place.strip("`").removeprefix("$").removeprefix(".")
        unknown = re.search(r"(?:unknown|missing required) field `(.*)`$", problem, re.DOTALL)
        if unknown:
            path = ".".join(filter(None, [path, unknown[1]]))
        field = path or api_settings.NON_FIELD_ERRORS_KEY
        raise ValidationError({field: [f"{problem}."]}) from None


def read_choice(kind: type[Any], value: object) -> Any:
    """Return one of Django's choices; called by msgspec, which knows none of them.

    Raises ValueError, of which it makes an error of its own, with the place.
    """
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"There are: {', '.join(kind.values)}") from None


class StrictJSONParser(BaseParser):
    """Reads JSON, up to a limit."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 -- DRF's signature
        parser_context: Any = None,  # noqa: ARG002
    ) -> Any:
        """Return the body as JSON's own types. Raises ParseError and BodyTooLargeError."""
        body = stream.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            raise BodyTooLargeError(f"A body has at most {LONGEST_BODY} bytes.")
        try:
            return decode_json(decoder, body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ParseError("The body is not JSON.") from None
