"""CI accepts no skipped test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ONE_TEST = "import pytest\n\n@pytest.mark.skip(reason='no Chromium')\ndef test_it(): pass\n"
ONE_MODULE = "import pytest\n\npytest.skip('no Chromium', allow_module_level=True)\n"


@pytest.mark.parametrize("code", [ONE_TEST, ONE_MODULE])
@pytest.mark.parametrize("ci", ["true", ""])
def test_skipped_test_fails_in_ci_only(tmp_path: Path, code: str, ci: str) -> None:
    """What is skipped, a test or a whole module, fails with its reason where `CI` is set."""
    (tmp_path / "test_sample.py").write_text(code)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(tmp_path), f"--rootdir={tmp_path}"),
            *("--config-file=pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider"),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=BASE_DIR,
        env=os.environ | {"CI": ci},
    )
    assert "no Chromium" in done.stdout
    assert ("1 skipped" in done.stdout) == (ci == "")
    # With nothing left to run but a skipped module, pytest's status is 5 in any case.
    assert (done.returncode in {1, 2}) == (ci == "true")
