"""CI accepts no skipped test, and tests that run side by side keep to their chains."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.side_by_side import CHAINS

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ONE_TEST = "import pytest\n\n@pytest.mark.skip(reason='no Chromium')\ndef test_it(): pass\n"
ONE_MODULE = "import pytest\n\npytest.skip('no Chromium', allow_module_level=True)\n"


FOUR_TESTS = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    pathlib.Path(f"ran-{number}").write_text(str(os.getpid()))
    time.sleep(0.3)
"""


def run_pytest(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the tests of the folder as ours are run, but not as a part of the run we are in."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", f"--rootdir={folder}", str(folder)),
            *(f"--config-file={BASE_DIR / 'pyproject.toml'}", "-p", "tests.conftest"),
            *("-p", "no:cacheprovider", *arguments),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(BASE_DIR)} | environment,
    )


@pytest.mark.parametrize("code", [ONE_TEST, ONE_MODULE])
@pytest.mark.parametrize("ci", ["true", ""])
def test_skipped_test_fails_in_ci_only(tmp_path: Path, code: str, ci: str) -> None:
    """What is skipped, a test or a whole module, fails with its reason where `CI` is set."""
    (tmp_path / "test_sample.py").write_text(code)
    done = run_pytest(tmp_path, CI=ci)
    assert "no Chromium" in done.stdout
    assert ("1 skipped" in done.stdout) == (ci == "")
    # With nothing left to run but a skipped module, pytest's status is 5 in any case.
    assert (done.returncode in {1, 2}) == (ci == "true")


def test_tests_of_a_chain_run_in_one_process(tmp_path: Path) -> None:
    """Of several processes only one runs them, however long each of them takes."""
    beginning = next(name for name in CHAINS if name.endswith(".py"))
    (tmp_path / beginning).parent.mkdir()
    (tmp_path / beginning).write_text(FOUR_TESTS)
    done = run_pytest(tmp_path, "--numprocesses=2")
    assert done.returncode == 0, done.stdout
    assert len({(tmp_path / f"ran-{number}").read_text() for number in range(4)}) == 1


def test_chains_name_tests_that_exist() -> None:
    """A test that is moved takes its chain with it."""
    assert all((BASE_DIR / beginning).exists() for beginning in CHAINS)
