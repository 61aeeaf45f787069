"""A Django app of the harness's processes alone: plants the poison, and a bug if one is asked for.

The product's own code knows nothing of it. `PLANTED_BUG` names the bug.
"""

import os
import socket
from typing import Any

from django.apps import AppConfig

from tests.faults.patching import load_all, replace
from tests.faults.poison import suffer


class Planted(AppConfig):
    """Patches the product once all of it has been loaded."""

    name = "tests.faults.planted"
    label = "planted"

    def ready(self) -> None:
        """Plant the poison and the bug."""
        load_all()
        name_machine()
        plant_poison()
        if bug := os.environ.get("PLANTED_BUG"):
            from tests.faults.plants import PLANTS  # noqa: PLC0415 -- needs the models

            PLANTS[bug]()


def name_machine() -> None:
    """Have each process say that it is on a machine of its own.

    What it claims then tells by whom it was claimed, so that a fault can strike in its work.
    """
    service = os.environ.get("FAULTS_SERVICE", "command")

    def gethostname() -> str:
        return f"{service}-{os.getpid()}"

    socket.gethostname = gethostname


def plant_poison() -> None:
    """Have whoever reads the facts of a poisoned event suffer from it."""
    from webhooks.processing import projection  # noqa: PLC0415 -- needs the models

    original = projection.read_facts

    def read_facts(event: Any) -> Any:
        suffer(event)
        return original(event)

    replace(original, read_facts)
