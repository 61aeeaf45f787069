"""Text that every system downstream can hold."""

import re
from typing import Any

# JSON may carry both: NUL, which Postgres refuses in text and jsonb, and halves of surrogate
# pairs, which no UTF-8 encoder takes.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def make_storable(value: Any) -> Any:
    """Return `value` with U+FFFD for each unstorable character, in a text or a tuple of texts.

    Anything else comes back as it is.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, tuple):
        return tuple(make_storable(item) for item in value)
    return value


class StorableText:
    """A base for frozen dataclasses: whatever text they are given, they hold as storable text.

    A caller's odd character then fails no vendor's JSON encoder and no database, and a request
    equals itself after it was stored.
    """

    __slots__ = ()
    __dataclass_fields__: dict[str, Any]

    def __post_init__(self) -> None:
        """Replace what cannot be stored; dataclasses call this once their fields are set."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            storable = make_storable(value)
            if storable != value:
                object.__setattr__(self, name, storable)
