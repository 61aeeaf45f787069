"""The embedded Postgres starts, keeps its data, ends, and says in a sentence why it cannot."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.server_account import open_the_way


def ask(postgres: EmbeddedPostgres, query: str) -> object:
    """Return the first value that `query` gives."""
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def keep_seven(postgres: EmbeddedPostgres) -> None:
    """Commit something."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")


def listens(folder: Path) -> bool:
    """Return whether a server's socket is in `folder`."""
    return (folder / ".s.PGSQL.5432").exists()


def test_data_is_there_again_after_a_restart(tmp_path: Path) -> None:
    """What one run commits, the next one finds, and nothing runs in between."""
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder, durable=False) as postgres:
        assert ask(postgres, "SELECT current_database()") == "switchboard"
        assert ask(postgres, "SHOW max_connections") == "200"
        keep_seven(postgres)
    assert not listens(folder)
    assert not postgres.is_running()

    with EmbeddedPostgres(folder, durable=False) as postgres:
        assert ask(postgres, "SELECT n FROM kept") == 7


def test_acknowledged_commits_are_durable_unless_a_test_says_otherwise(tmp_path: Path) -> None:
    """Only `durable=False` switches fsync off, and not even that makes commits asynchronous."""
    with EmbeddedPostgres(tmp_path / "for-people") as postgres:
        assert ask(postgres, "SHOW fsync") == "on"
        assert ask(postgres, "SHOW synchronous_commit") == "on"
    with EmbeddedPostgres(tmp_path / "for-tests", durable=False) as postgres:
        assert ask(postgres, "SHOW fsync") == "off"
        assert ask(postgres, "SHOW synchronous_commit") == "on"


def test_server_without_owner_is_replaced(tmp_path: Path) -> None:
    """A server that a killed process left running is ended by the next start, data kept."""
    folder = tmp_path / "postgres"
    orphaned = EmbeddedPostgres(folder, durable=False)
    orphaned.start()
    keep_seven(orphaned)

    with EmbeddedPostgres(folder, durable=False) as postgres:
        assert not orphaned.is_running()
        assert ask(postgres, "SELECT n FROM kept") == 7


def test_stale_process_id_harms_nobody(tmp_path: Path) -> None:
    """A process that now has the id in a stale postmaster.pid is left alone, and starting works."""
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder, durable=False):
        lines = (folder / "postmaster.pid").read_text().splitlines()
    with subprocess.Popen(["sleep", "60"], user=folder.stat().st_uid) as bystander:
        lines[0] = str(bystander.pid)
        (folder / "postmaster.pid").write_text("\n".join(lines) + "\n")

        with EmbeddedPostgres(folder, durable=False) as postgres:
            assert postgres.is_running()

        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("name", ["x" * 120, "a, b", 'it\'s "quoted"'])
def test_folder_that_is_no_place_for_a_socket_works(tmp_path: Path, name: str) -> None:
    """A path too long or too odd for a socket gets its socket elsewhere, which is tidied up."""
    with EmbeddedPostgres(tmp_path / name, durable=False) as postgres:
        socket_folder = Path(str(ask(postgres, "SHOW unix_socket_directories")).strip('"'))
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert tmp_path not in socket_folder.parents
    assert not socket_folder.exists()


def test_environment_does_not_steer_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables meant for other Postgres clients and servers change nothing."""
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert ask(postgres, "SHOW port") == "5432"


def test_unfinished_cluster_is_made_anew(tmp_path: Path) -> None:
    """What an interrupted first start left behind is not taken for a database."""
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert postgres.is_running()
    assert not (tmp_path / "postgres.new").exists()


def test_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    """A folder that holds no database is left as it is."""
    (tmp_path / "letter.txt").write_text("dear all")
    with pytest.raises(EmbeddedPostgresError, match="holds something else than a database"):
        EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """A file where a folder is needed gives a sentence, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="is not a folder"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_folder_without_permission_is_named(closed_folder: Path) -> None:
    """Where nothing may be written, the sentence says where and what else can be done."""
    with pytest.raises(EmbeddedPostgresError, match=r"No permission to use .*DATA_DIR"):
        EmbeddedPostgres(closed_folder / "postgres").start()


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The sentence carries the reason that Postgres gives, and nothing is left running."""
    folder = tmp_path / "postgres"
    with EmbeddedPostgres(folder, durable=False):
        pass
    with (folder / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r"does not start: .*FATAL"):
        EmbeddedPostgres(folder, durable=False).start()
    assert not listens(folder)


def test_way_to_the_data_can_be_passed_but_not_listed(tmp_path: Path) -> None:
    """Parents get the right to be passed through; what they list stays their owner's business."""
    parent = tmp_path / "home"
    folder = parent / "data"
    folder.mkdir(parents=True)
    parent.chmod(0o700)
    open_the_way(folder, pwd.getpwuid(os.getuid()))
    assert stat.S_IMODE(parent.stat().st_mode) == 0o701
