"""The backend behind each alias, built once per process."""

from threading import Lock
from typing import Any, Literal, overload

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from integrations.base import Alias, Backend
from integrations.bindings import build_backend, find_binding_mistakes
from integrations.crm.base import ContactUpdate
from integrations.tasks.base import FollowUp
from integrations.tickets.base import TicketRequest
from integrations.usage.base import UsageRecord

_backends: dict[Alias, Backend[Any]] = {}
# Two worker threads that ask first at the same time must not build two clients of one vendor.
_lock = Lock()


@overload
def get_backend(alias: Literal["crm"]) -> Backend[ContactUpdate]: ...
@overload
def get_backend(alias: Literal["tickets"]) -> Backend[TicketRequest]: ...
@overload
def get_backend(alias: Literal["usage"]) -> Backend[UsageRecord]: ...
@overload
def get_backend(alias: Literal["tasks"]) -> Backend[FollowUp]: ...
@overload
def get_backend(alias: Alias) -> Backend[Any]: ...
def get_backend(alias: Alias) -> Backend[Any]:
    """Return the backend that `settings.INTEGRATIONS` binds `alias` to.

    Called for every effect that is applied. Raises `ImproperlyConfigured` where the binding has
    a mistake that the system checks would have reported.
    """
    backend = _backends.get(alias)
    if backend is None:
        with _lock:
            backend = _backends.get(alias)
            if backend is None:
                backend = _backends[alias] = _build_bound_backend(alias)
    return backend


def _build_bound_backend(alias: Alias) -> Backend[Any]:
    integrations = getattr(settings, "INTEGRATIONS", None)
    mistake = next(find_binding_mistakes(alias, integrations), None)
    if mistake is not None:
        raise ImproperlyConfigured(f"{mistake.msg} {mistake.hint}")
    return build_backend(alias, integrations)


@receiver(setting_changed)
def forget_backends(*, setting: str, **_: object) -> None:
    """Build anew after a test has overridden the setting."""
    if setting == "INTEGRATIONS":
        with _lock:
            _backends.clear()
