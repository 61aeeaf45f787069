"""What a vendor answered, read in full and bounded."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from integrations.exceptions import TemporaryFailure


class AnswerTooLarge(Exception):  # noqa: N818 -- says what happened, not that it did
    """The body is larger than the limit, as it was sent or once unpacked."""


class AnswerUnreadable(Exception):  # noqa: N818 -- as AnswerTooLarge
    """The body is packed in a way that was not asked for, or broken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Its `repr` shows the status alone: what a vendor says back is payload."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    vendor: str = "The vendor"

    def read_json(self) -> Any:
        """Return the body's value. Raises `TemporaryFailure` where it is not JSON."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        # Outside of the except block: the error would drag along what it could not read.
        raise TemporaryFailure(f"{self.vendor} answered with something that is not JSON.")


def read_body(response: httpx.Response, limit: int) -> bytes:
    """Return the whole body, unpacked; neither form may have more than `limit` bytes.

    Raises `AnswerTooLarge` or `AnswerUnreadable`.
    """
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    parts = limit_size(response.iter_raw(), limit)
    if packing in {"gzip", "x-gzip"}:
        parts = unpack(parts, limit)
    elif packing not in {"", "identity"}:
        raise AnswerUnreadable
    return b"".join(parts)


def limit_size(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield `parts` until they have more than `limit` bytes together."""
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise AnswerTooLarge
        yield part


def unpack(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield what gzip packed into `parts`, never making more than a byte too many."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    left = limit
    part = b""
    for part in parts:
        try:
            unpacked = unpacker.decompress(part, left + 1)
        except zlib.error:
            raise AnswerUnreadable from None
        left -= len(unpacked)
        if left < 0:
            raise AnswerTooLarge
        yield unpacked
    # An answer without a body may name a packing all the same.
    if part and not unpacker.eof:
        raise AnswerUnreadable
