"""Answers as the types that a backend expects, declared as msgspec structs.

A struct names the fields that are used; what else an answer holds is passed over.
"""

from typing import TypeVar

import msgspec

from integrations.exceptions import TemporaryFailure
from integrations.http.answer import Answer

ShapeT = TypeVar("ShapeT", bound=msgspec.Struct)


def read_shape(answer: Answer, shape: type[ShapeT]) -> ShapeT:
    """Return the answer's JSON as `shape`.

    Raises `TemporaryFailure` where it is something else: that comes from a proxy or from a change
    at the vendor's, and strikes every effect alike.
    """
    value = answer.read_json()
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        pass
    # Outside of the except block: the error would drag along what it could not read.
    raise TemporaryFailure(f"{answer.vendor} answered in another shape than expected.")
