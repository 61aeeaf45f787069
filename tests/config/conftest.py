"""What the tests of the start share."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.preconditions import own_folder


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in which the test's user, who is not root meanwhile, may not write."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with as_ordinary_user():
        yield folder


@pytest.fixture
def used_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a data folder of an earlier run of the same user, who may not write in it any more."""
    folder = tmp_path / "used"
    with own_folder(folder):
        pass
    for path in (folder, folder / "lock"):
        os.chown(path, ordinary_user(), -1)
    folder.chmod(0o500)
    with as_ordinary_user():
        yield folder


def ordinary_user() -> int:
    """Return the id of a user whom permissions bind: the test's own, unless that is root."""
    return os.geteuid() or pwd.getpwnam("nobody").pw_uid


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Be that user meanwhile."""
    before = os.geteuid()
    os.seteuid(ordinary_user())
    try:
        yield
    finally:
        os.seteuid(before)
