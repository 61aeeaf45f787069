"""Where settings come from: the process's environment, then `.env`, then what `make run` wrote."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()

# read_env never overrides what is set already, so the first source wins.
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

DATA_DIR = Path(env.str("DATA_DIR", default=".data"))
if not DATA_DIR.is_absolute():
    DATA_DIR = BASE_DIR / DATA_DIR

GIVEN = frozenset(os.environ)
"""What a person set: `make run` tells it from what an earlier run left in its file."""

# `make run` leaves its addresses and keys here, so that commands typed beside it find them.
env.read_env(DATA_DIR / "env")


def required(name: str, how: str) -> str:
    """Return the variable `name`, or stop the start with a sentence that says `how` to set it."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: {how}")
    return value


def seconds(name: str, default: float) -> float:
    """Return the variable `name` as a positive number of seconds."""
    try:
        value: float = env.float(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number of seconds.") from error
    if value <= 0:
        raise ImproperlyConfigured(f"{name} must be more than 0 seconds.")
    return value


def whole_number(name: str, default: int) -> int:
    """Return the variable `name` as a positive whole number."""
    try:
        value: int = env.int(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if value <= 0:
        raise ImproperlyConfigured(f"{name} must be 1 or more.")
    return value
