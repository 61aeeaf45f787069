"""What the model runs on."""

import logging
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from tests.operations.brokers import broker_at
from tests.processing.integration import bind_callback
from tests.processing.model.checker import Checker, Visited
from tests.processing.model.scenes import Scene, begin
from tests.processing.model.vendor import desk

Visit = Callable[[Scene], Visited]


@pytest.fixture
def visit(settings: Settings, db: None) -> Iterator[Visit]:  # noqa: ARG001 -- it asks Postgres
    """Return what visits all states of a scene, with its vendor and a broker in memory."""

    def visit_all(scene: Scene) -> Visited:
        settings.WEBHOOKS_MAX_ATTEMPTS = scene.most_attempts
        return Checker(scene, *begin(scene)).visit_all()

    bind_callback(settings, desk.call)
    # Lines for each of some thousand attempts would take longer than these do.
    logging.disable(logging.CRITICAL)
    try:
        with broker_at("memory://", {}):
            yield visit_all
    finally:
        logging.disable(logging.NOTSET)
