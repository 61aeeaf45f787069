"""The keys and passwords of one's own machine: made once, kept in the data folder."""

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.fernet import Fernet

GENERATORS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "SECRET_ENCRYPTION_KEYS": lambda: Fernet.generate_key().decode(),
    # Hexadecimal, since these get copied into shells, where a leading hyphen is an option.
    "ADMIN_PASSWORD": lambda: secrets.token_hex(8),
    "DEMO_SIGNING_SECRET": lambda: secrets.token_hex(32),
    "DEMO_API_TOKEN": lambda: f"sb_{secrets.token_hex(32)}",
}


def complete_credentials() -> None:
    """Put every credential that the environment lacks into it, newly made."""
    for name, generate in GENERATORS.items():
        if not os.environ.get(name):
            os.environ[name] = generate()


def write_environment(path: Path, names: Iterable[str]) -> None:
    """Write the variables `names` to `path`, readable by its owner alone.

    `config.settings.environment` reads the file, so that the next start, and commands typed
    beside this one, have the same values. Variables that are not set are left out.
    """
    lines = [f"{name}={quote(os.environ[name])}\n" for name in names if os.environ.get(name)]
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(lines)
    # In one step, so that an interrupted start cannot lose the encryption keys.
    new.replace(path)


def quote(value: str) -> str:
    """Return `value` as django-environ reads it back."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
