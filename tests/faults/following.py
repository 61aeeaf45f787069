"""Follow a log while somebody else writes it."""

from collections.abc import Iterator
from pathlib import Path


class LineReader:
    """Reads on from where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read_lines(self) -> Iterator[bytes]:
        """Yield the lines that have been written since; one that is not whole yet is none."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield line
