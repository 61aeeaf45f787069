"""What the downstream has done, on disk: written before it answers, and read again when it starts.

One line of JSON for each application, answer and violation, appended in one write each, so that
whenever the process is killed only whole lines are there, or the last is cut off and was never
answered.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from tests.faults.following import LineReader

Violation = Literal["other_body", "doubled", "overlap", "unreadable"]


class Applied(msgspec.Struct, tag="applied", omit_defaults=True):
    """A request that was new under its key and has been applied.

    `version` is a contact update's, 0 elsewhere; `external_id` is what was answered.
    """

    at: float
    key: str
    digest: str
    identity: tuple[str, str, str]
    external_id: str
    said: dict[str, object]
    version: int = 0


class Answered(msgspec.Struct, tag="answered"):
    """A request that was answered with `status`, 0 where the connection was closed instead."""

    at: float
    key: str
    status: int
    seconds: float


class Violated(msgspec.Struct, tag="violated"):
    """A request that no sender may make.

    `other_body`: a known key with another body. `doubled`: a second key for what happens once.
    `overlap`: a key, or a conversation's record in the CRM, with a request under way already.
    `unreadable`: not a request that is known here.
    """

    at: float
    what: Violation
    key: str
    identity: tuple[str, str, str]


Entry = Applied | Answered | Violated
decoder = msgspec.json.Decoder(Entry)
encoder = msgspec.json.Encoder()


class Journal:
    """The file, opened to be appended to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o644)
        # A line that was cut off must not spoil the next one.
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def write(self, entry: Entry) -> None:
        """Append one entry. It outlives this process: the kernel has it when this returns."""
        os.write(self._file, encoder.encode(entry) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class JournalReader(LineReader):
    """Reads on from where it was, while the downstream writes."""

    def read(self) -> Iterator[Entry]:
        """Yield the entries that have been written since; a line that was cut off is none."""
        for line in self.read_lines():
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError:
                continue


def read_journal(path: Path) -> list[Entry]:
    """Return all entries."""
    return list(JournalReader(path).read())
