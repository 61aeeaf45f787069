"""Put something else into a place of the product, in the processes of a run."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

PACKAGES = ("webhooks.processing", "webhooks.ingest")


def load_all() -> None:
    """Import every module that is patched, so that none takes an original later."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.iter_modules(module.__path__, f"{package}."):
            importlib.import_module(found.name)


def replace(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Put `replacement` into the place of a function wherever a module of ours has its name.

    Raises LookupError where none has: the product has changed, and the plant with it has to.
    """
    places = [
        (module, name)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith("webhooks.")
        for name, value in list(vars(module).items())
        if value is original
    ]
    if not places:
        raise LookupError(f"{original.__qualname__} is nowhere")
    for module, name in places:
        setattr(module, name, replacement)


def replace_text(module: ModuleType, name: str, old: str, new: str) -> None:
    """Change a part of the module's text `name`. Raises LookupError where it has no such part."""
    text: str = getattr(module, name)
    if old not in text:
        raise LookupError(f"{module.__name__}.{name} does not say {old!r}")
    setattr(module, name, text.replace(old, new))
