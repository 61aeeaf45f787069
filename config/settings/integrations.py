"""Which backend applies which kind of effect: the ledger, unless `INTEGRATIONS` says otherwise."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import env

LEDGER: dict[str, Any] = {
    "crm": {"BACKEND": "integrations.crm.ledger.LedgerCRM"},
    "tickets": {"BACKEND": "integrations.tickets.ledger.LedgerTickets"},
    "usage": {"BACKEND": "integrations.usage.ledger.LedgerUsage"},
    "tasks": {"BACKEND": "integrations.tasks.ledger.LedgerTasks"},
}

REFERENCE = "env:"


def read_integrations() -> dict[str, Any]:
    """Return the ledger's bindings, with those in their place that `INTEGRATIONS` names in JSON.

    A text `env:NAME` stands for the variable `NAME`, so that keys can come from where secrets
    are kept. Raises `ImproperlyConfigured`; what the bindings mean is for the system checks.
    """
    try:
        given = env.json("INTEGRATIONS", default={})
    except ValueError as error:
        raise ImproperlyConfigured(f"INTEGRATIONS is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise ImproperlyConfigured('INTEGRATIONS must be a JSON object, such as {"crm": {…}}.')
    bindings: dict[str, Any] = LEDGER | resolve(given)
    return bindings


def resolve(value: Any) -> Any:
    """Return `value` with the variables in the places of their references, at any depth."""
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if isinstance(value, str) and value.startswith(REFERENCE):
        name = value.removeprefix(REFERENCE)
        if not os.environ.get(name):
            raise ImproperlyConfigured(f"INTEGRATIONS refers to {name}, which is not set.")
        return os.environ[name]
    return value
