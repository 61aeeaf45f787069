"""Integrations that do what a test needs done at the moment of the call."""

from collections.abc import Callable
from typing import Any, cast

from django.db import connection
from pytest_django import Settings

from integrations.base import Alias, Backend, Request, Result
from integrations.kinds import REQUESTS
from integrations.memory import MemoryBackend
from integrations.options import Options
from integrations.registry import get_backend


class CallbackOptions(Options, frozen=True, kw_only=True):
    """What is called."""

    call: Any


class CallbackBackend(Backend[Any]):
    """Calls the function in its options instead of a vendor."""

    serves = frozenset(REQUESTS)
    options_class = CallbackOptions
    options: CallbackOptions

    def apply(self, request: Request) -> Result:
        """Return what the function returns, or a result named by the key."""
        result: Result | None = self.options.call(request)
        return result or Result(external_id=request.idempotency_key)


def bind_memory(settings: Settings, **options: Any) -> None:
    """Bind every alias to a memory backend of its own; `options` are named as in the setting."""
    settings.INTEGRATIONS = {
        alias: {"BACKEND": "integrations.memory.MemoryBackend", "OPTIONS": options}
        for alias in REQUESTS
    }


def bind_callback(
    settings: Settings, call: Callable[[Request], Result | None], **options: Any
) -> None:
    """Have every integration call `call`; `options` are named as in the setting."""
    settings.INTEGRATIONS = {
        alias: {
            "BACKEND": "tests.processing.integration.CallbackBackend",
            "OPTIONS": {"CALL": call, **options},
        }
        for alias in REQUESTS
    }


def read_memory(alias: str) -> MemoryBackend:
    """Return the memory backend that `alias` is bound to."""
    return cast("MemoryBackend", get_backend(cast("Alias", alias)))


def assert_outside_transactions(_: Request) -> None:
    """Fail where the integration is called inside a transaction."""
    assert not connection.in_atomic_block
