"""Who asks, in most tests."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.api.clients import VIEW_ALL, make_client


@pytest.fixture(autouse=True)
def forget_requests() -> Iterator[None]:
    """Let no test be throttled, or served from a cache, for what another has asked."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def viewer(db: None) -> APIClient:  # noqa: ARG001 -- the token is a row
    """Return a client that may view everything but payload."""
    return make_client(*VIEW_ALL)


@pytest.fixture
def reader(db: None) -> APIClient:  # noqa: ARG001 -- the token is a row
    """Return a client that may view payload too."""
    return make_client(*VIEW_ALL, "view_payload")
