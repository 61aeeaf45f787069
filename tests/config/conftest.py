"""What the tests of the start share."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in which the test's user, who is not root meanwhile, may not write."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    if os.geteuid() != 0:
        yield folder
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield folder
    finally:
        os.seteuid(0)
