"""A small volume in memory, which can be filled up.

There is no disk below it, so `fsync` costs nothing and proves nothing there: what is put to the
proof is that processes die, and not that a machine does.
"""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

BALLAST = "ballast"
PIECE = 16 * 1024 * 1024


class Volume:
    """A folder that is a file system of its own where mounting is permitted, and plain elsewhere.

    Args:
        folder: Where; is made, and removed at the end of the `with` block.
        megabytes: Its size.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self.is_mounted = False
        self._megabytes = megabytes

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0 and (mount := shutil.which("mount")):
            options = f"size={self._megabytes}m,mode=0755"
            command = [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
            self.is_mounted = (
                subprocess.run(command, check=False, capture_output=True).returncode == 0
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_mounted:
            self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte free during the block, not even those that others give back meanwhile."""
        self.fill()
        is_over = threading.Event()
        filler = threading.Thread(target=self._keep_full, args=(is_over,), daemon=True)
        filler.start()
        try:
            yield
        finally:
            is_over.set()
            filler.join()
            self.clear()

    def _keep_full(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.1):
            self.fill()

    def fill(self) -> None:
        """Take every byte that is free."""
        assert self.is_mounted, "only a volume of its own may be filled up"
        file = os.open(self.folder / BALLAST, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            size, piece = os.fstat(file).st_size, PIECE
            while piece >= os.sysconf("SC_PAGE_SIZE"):
                try:
                    os.posix_fallocate(file, size, piece)
                    size += piece
                except OSError:
                    piece //= 2
        finally:
            os.close(file)

    def clear(self) -> None:
        """Give back what `fill` took."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def _unmount(self) -> None:
        for lazily in ([], [], ["--lazy"]):
            command = ["umount", *lazily, str(self.folder)]
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.5)  # a server that was just killed may hold it for a moment
