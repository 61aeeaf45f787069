"""Idempotency keys in the forms that vendors take."""

import re
from hashlib import sha256
from uuid import UUID

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


def make_header_key(key: str, limit: int = 255) -> str:
    """Return `key` where a header of at most `limit` characters can carry it, else its digest.

    The digest has 64 characters. Equal keys give equal results in every process and version.
    """
    if len(key) <= limit and VISIBLE_ASCII.fullmatch(key):
        return key
    return sha256(key.encode()).hexdigest()


def make_uuid(key: str) -> UUID:
    """Return a UUID of version 4's form that is always the same for `key`."""
    return UUID(bytes=sha256(key.encode()).digest()[:16], version=4)
