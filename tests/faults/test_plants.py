"""The bugs that can be planted, held to the product as it is."""

import os
import subprocess
import sys

from tests.faults.bugs import BUGS
from tests.faults.faults import FAULTS
from tests.processes import BASE_DIR

PLANT_EACH = """
import os
import django
django.setup()
from tests.faults.plants import PLANTS
for name, plant in PLANTS.items():
    print(name, flush=True)
    child = os.fork()
    if child == 0:
        plant()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_each_bug_names_faults_that_there_are() -> None:
    """A run with a bug can always break what shows it."""
    assert {fault for bug in BUGS.values() for fault in bug.faults} <= FAULTS.keys()


def test_each_bug_and_only_these_can_be_planted_into_the_product_as_it_is() -> None:
    """Every plant still finds its place; whether the bug shows is for a run to say."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "ALLOWED_HOSTS": "localhost",
        "SECRET_KEY": "for-nobody",
        "SECRET_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    done = subprocess.run(
        [sys.executable, "-c", PLANT_EACH],
        check=False,
        capture_output=True,
        text=True,
        cwd=BASE_DIR,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == list(BUGS)
