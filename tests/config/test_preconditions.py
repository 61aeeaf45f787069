"""What stands in the way of a start is said in one sentence that names the variable."""

import socket
from pathlib import Path

import pytest

from config.preconditions import StartError, own_folder, read_port


def test_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which somebody listens, on whatever address, is refused by its number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(StartError, match=rf"^Port {port} is taken: .* PORT\.$"):
            read_port()
    assert read_port() == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5", "8\u0660"])
def test_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Only a number from 1 to 65535 is a port."""
    monkeypatch.setenv("PORT", text)
    with pytest.raises(StartError, match=r"^PORT must be a number from 1 to 65535"):
        read_port()


def test_data_folder_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run in the same folder is refused until the first one has ended."""
    with (
        own_folder(tmp_path / "data"),
        pytest.raises(StartError, match="running in the data folder"),
        own_folder(tmp_path / "data"),
    ):
        pass
    with own_folder(tmp_path / "data"):
        pass


def test_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """A file in the data folder's place, or above it, gives a sentence."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(StartError, match=r"is not a folder.*DATA_DIR"), own_folder(folder):
            pass


def test_data_folder_without_permission_is_named(closed_folder: Path) -> None:
    """A data folder that cannot be made gives a sentence that says what to do."""
    folder = closed_folder / "data"
    with pytest.raises(StartError, match=r"No permission to write.*DATA_DIR"), own_folder(folder):
        pass
