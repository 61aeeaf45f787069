"""What `settings.INTEGRATIONS` may bind an alias to.

Read by the system checks, which report every mistake, and by the registry, which refuses the
first one.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import Error
from django.utils.module_loading import import_string

from integrations.base import Alias, Backend
from integrations.kinds import REQUESTS

KEYS = frozenset({"BACKEND", "OPTIONS"})
SHAPE = (
    'The shape is {"crm": {"BACKEND": "integrations.crm.ledger.LedgerCRM", "OPTIONS": {}}, …}, '
    f"with the aliases {', '.join(REQUESTS)}."
)
NO_DICTIONARY = Error("INTEGRATIONS is not a dictionary.", hint=SHAPE, id="integrations.E001")


def find_mistakes(integrations: object) -> Iterator[Error]:
    """Yield what is wrong with the setting as a whole, then with each of its bindings."""
    if not isinstance(integrations, Mapping):
        yield NO_DICTIONARY
        return
    for unknown in (key for key in integrations if key not in REQUESTS):
        yield Error(
            f"INTEGRATIONS has the unknown alias {unknown!r}.", hint=SHAPE, id="integrations.E003"
        )
    for alias in REQUESTS:
        yield from find_binding_mistakes(alias, integrations)


def find_binding_mistakes(alias: Alias, integrations: object) -> Iterator[Error]:
    """Yield what is wrong with what `alias` is bound to; nothing means it can be built."""
    if not isinstance(integrations, Mapping):
        yield NO_DICTIONARY
        return
    name = f"INTEGRATIONS[{alias!r}]"
    if alias not in integrations:
        yield Error(f"{name} is missing.", hint=SHAPE, id="integrations.E002")
        return
    binding = integrations[alias]
    if not isinstance(binding, Mapping):
        yield Error(f"{name} is not a dictionary.", hint=SHAPE, id="integrations.E004")
        return
    for unknown in (key for key in binding if key not in KEYS):
        yield Error(
            f"{name} has the unknown key {unknown!r}.",
            hint="It takes BACKEND and OPTIONS; what a backend needs goes into OPTIONS.",
            id="integrations.E008",
        )
    if not isinstance(binding.get("OPTIONS", {}), Mapping):
        yield Error(
            f"{name}['OPTIONS'] is not a dictionary.",
            hint="Leave OPTIONS out where the backend needs none.",
            id="integrations.E009",
        )
    yield from _find_backend_mistakes(alias, f"{name}['BACKEND']", binding.get("BACKEND"))


def _find_backend_mistakes(alias: Alias, name: str, path: object) -> Iterator[Error]:
    if not isinstance(path, str) or not path:
        yield Error(
            f"{name} is not the dotted path of a class.", hint=SHAPE, id="integrations.E005"
        )
        return
    try:
        backend_class = import_string(path)
    except ImportError as error:
        yield Error(
            f"{name} cannot be imported: {error}.",
            hint="Check the path, and that what the backend depends on is installed.",
            id="integrations.E006",
        )
        return
    if not (
        inspect.isclass(backend_class)
        and issubclass(backend_class, Backend)
        and not inspect.isabstract(backend_class)
        and alias in backend_class.serves
    ):
        yield Error(
            f"{name} names {path}, which is not a backend for {alias!r}.",
            hint=f"Derive it from the base class in integrations.{alias}.base and give it apply().",
            id="integrations.E007",
        )


def build_backend(alias: Alias, integrations: Any) -> Backend[Any]:
    """Build what `alias` is bound to, where `find_binding_mistakes` finds none."""
    binding = integrations[alias]
    backend_class: type[Backend[Any]] = import_string(binding["BACKEND"])
    return backend_class(alias, binding.get("OPTIONS", {}))
