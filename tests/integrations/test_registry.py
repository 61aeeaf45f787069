"""The backend behind each alias."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, get_args

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from integrations.base import Alias
from integrations.crm.ledger import LedgerCRM
from integrations.kinds import REQUESTS
from integrations.memory import MemoryBackend
from integrations.registry import get_backend
from integrations.tasks.ledger import LedgerTasks
from integrations.tickets.ledger import LedgerTickets
from integrations.usage.ledger import LedgerUsage

MEMORY = {"BACKEND": "integrations.memory.MemoryBackend"}


def test_the_ledger_is_the_default_for_every_alias() -> None:
    """Without a setting of one's own everything is kept in Postgres."""
    assert isinstance(get_backend("crm"), LedgerCRM)
    assert isinstance(get_backend("tickets"), LedgerTickets)
    assert isinstance(get_backend("usage"), LedgerUsage)
    assert isinstance(get_backend("tasks"), LedgerTasks)


def test_every_alias_has_its_request() -> None:
    """The aliases that the types allow are those that can be bound."""
    assert set(REQUESTS) == set(get_args(Alias))


def test_backend_is_built_once_with_its_alias_and_options(settings: Settings) -> None:
    """The setting's alias and OPTIONS reach the backend, and the same object comes back."""
    settings.INTEGRATIONS = {"crm": {**MEMORY, "OPTIONS": {"CONCURRENCY": 3}}}
    backend = get_backend("crm")
    assert (backend.alias, backend.options.read_concurrency()) == ("crm", 3)
    assert get_backend("crm") is backend


def test_threads_that_ask_first_get_one_backend(settings: Settings) -> None:
    """A vendor's client is not built twice by workers that start together."""
    settings.INTEGRATIONS = {"crm": {"BACKEND": "tests.integrations.backends.SlowToBuild"}}
    barrier = Barrier(4, timeout=10)

    def ask(_: int) -> Any:
        barrier.wait()
        return get_backend("crm")

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(ask, range(4)))) == 1


def test_overridden_setting_is_followed(settings: Settings) -> None:
    """A test that binds another backend gets that one."""
    assert isinstance(get_backend("crm"), LedgerCRM)
    settings.INTEGRATIONS = {"crm": MEMORY}
    assert isinstance(get_backend("crm"), MemoryBackend)


@pytest.mark.parametrize(
    ("integrations", "sentence"),
    [
        ({}, r"INTEGRATIONS\['crm'\] is missing"),
        (None, "INTEGRATIONS is not a dictionary"),
        ({"crm": {"BACKEND": "integrations.crm.nothing.CRM"}}, "cannot be imported"),
    ],
)
def test_wrong_setting_is_refused_with_a_sentence(
    settings: Settings, integrations: object, sentence: str
) -> None:
    """What the system checks would have said is said again."""
    settings.INTEGRATIONS = integrations
    with pytest.raises(ImproperlyConfigured, match=sentence):
        get_backend("crm")


def test_mistake_elsewhere_does_not_stop_an_alias(settings: Settings) -> None:
    """One integration that is bound wrongly leaves the others at work."""
    settings.INTEGRATIONS = {"crm": MEMORY, "tickets": {"BACKEND": "no.such.Backend"}}
    assert isinstance(get_backend("crm"), MemoryBackend)
