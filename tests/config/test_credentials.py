"""The keys of one's own machine are made once, kept private, and read back as they were."""

import os
import stat
from pathlib import Path

import environ
import pytest

from config.credentials import GENERATORS, complete_credentials, write_environment


def test_file_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can read the keys, whatever the umask is, and whatever was there before."""
    monkeypatch.setenv("SECRET_KEY", "k")
    (tmp_path / "env").write_text("old")
    previous = os.umask(0)
    try:
        write_environment(tmp_path / "env", ["SECRET_KEY"])
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


@pytest.mark.parametrize(
    "value",
    ["plain", "with \"double\" and 'single'", "back\\slash\\n", "# no comment", " a b ", "'x'"],
)
def test_values_come_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """django-environ reads what was written, quotes and backslashes included."""
    monkeypatch.setenv("ADMIN_PASSWORD", value)
    write_environment(tmp_path / "env", ["ADMIN_PASSWORD"])
    monkeypatch.delenv("ADMIN_PASSWORD")

    environ.Env.read_env(tmp_path / "env")

    assert os.environ["ADMIN_PASSWORD"] == value


def test_what_is_not_set_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable without a value does not become an empty one."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    write_environment(tmp_path / "env", ["CELERY_BROKER_URL"])
    assert (tmp_path / "env").read_text() == ""


def test_given_credentials_are_kept_and_missing_ones_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's choice stands; what they left open is made, and never the same twice."""
    made: list[str] = []
    for _ in range(2):
        for name in GENERATORS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DEMO_API_TOKEN", "mine")
        complete_credentials()
        assert os.environ["DEMO_API_TOKEN"] == "mine"
        made += [os.environ[name] for name in GENERATORS if name != "DEMO_API_TOKEN"]
    assert all(made)
    assert len(set(made)) == len(made)
