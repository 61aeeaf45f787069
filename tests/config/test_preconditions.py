"""What stands in the way of a start is said in one sentence that names the variable."""

import socket
from pathlib import Path

import pytest

from config.preconditions import StartError, own_folder, read_port
from tests.processes import find_free_port


def test_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which somebody listens, on whatever address, is refused by its number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(StartError, match=rf"^Port {port} is taken: .* PORT\.$"):
            read_port("127.0.0.1")
    assert read_port("127.0.0.1") == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5", "8\u0660"])
def test_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Only a number from 1 to 65535 is a port."""
    monkeypatch.setenv("PORT", text)
    with pytest.raises(StartError, match=r"^PORT must be a number from 1 to 65535"):
        read_port("127.0.0.1")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_address_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """What cannot be listened on is not the port's fault, and the variable is named."""
    monkeypatch.setenv("PORT", str(find_free_port()))
    with pytest.raises(StartError, match=rf"^WEB_BIND must be .* not '{host}'"):
        read_port(host)


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


def test_data_folder_is_hidden_from_git(tmp_path: Path) -> None:
    """Wherever it is made, the keys in it are not committed by accident."""
    with own_folder(tmp_path / "data"):
        assert (tmp_path / "data" / ".gitignore").read_text() == "*\n"


def test_files_of_others_are_not_hidden_from_git(tmp_path: Path) -> None:
    """A folder in which there is something already keeps its files in sight."""
    (tmp_path / "file").write_text("")
    with own_folder(tmp_path):
        assert not (tmp_path / ".gitignore").exists()


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


def test_read_only_folder_of_an_earlier_run_is_named(used_folder: Path) -> None:
    """A lock that is there already does not hide that nothing new can be written."""
    with (
        pytest.raises(StartError, match=r"No permission to write.*DATA_DIR"),
        own_folder(used_folder),
    ):
        pass
