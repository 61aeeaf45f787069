"""Commands as people type them, in this process or as a process of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.processes import BASE_DIR, build_environment


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command printed and how it ended."""

    status: int
    out: str
    error: str = ""


def type_command(*words: str) -> Typed:
    """Run the command in this process; a mistake gives its exit status and its sentence."""
    out = StringIO()
    try:
        call_command(*words, stdout=out)
    except CommandError as error:
        return Typed(error.returncode, out.getvalue(), str(error))
    return Typed(0, out.getvalue())


def run_command(database_url: str, *words: str, given: str = "", **environment: str) -> Typed:
    """Run `manage.py` as a process of its own, with `given` on its standard input."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        check=False,
        cwd=BASE_DIR,
        env=build_environment(database_url, BASE_DIR / "nowhere") | environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Typed(done.returncode, done.stdout, done.stderr)


def give_input(monkeypatch: pytest.MonkeyPatch, text: str, *, is_terminal: bool = False) -> None:
    """Have this process's standard input say `text`, as a pipe does, or a person."""
    given = StringIO(text)
    monkeypatch.setattr(given, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stdin", given)


def unreachable_url() -> str:
    """Return the `DATABASE_URL` of a Postgres that is not there."""
    return f"postgres://nobody@/nothing?host={os.sep}nowhere"
