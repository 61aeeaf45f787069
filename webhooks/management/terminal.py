"""How the commands talk to the person at the terminal."""

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from typing import IO, cast

from django.core.exceptions import ValidationError
from django.core.management.base import OutputWrapper
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDTH_WITHOUT_TERMINAL = 160


def print_table(
    out: OutputWrapper, title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]
) -> None:
    """Print a table; into a file or pipe, wide enough that nothing is broken up."""
    table = Table(*headings, title=title, box=SIMPLE, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    width = None if out.isatty() else WIDTH_WITHOUT_TERMINAL
    Console(file=cast("IO[str]", out), width=width, highlight=False, markup=False).print(table)


def build_progress() -> Progress:
    """Return a progress bar on the standard error, which leaves the standard output to results.

    Where that is no terminal, nothing is drawn.
    """
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def without_log_lines() -> Iterator[None]:
    """Keep log lines below an error out of what a person reads, where the command says it itself.

    Errors are still logged. Holds for the whole process, as long as the block lasts.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


def confirm(question: str) -> bool:
    """Ask a person and return whether the answer was yes."""
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def read_secret(given: str) -> str:
    """Return the secret that an option gives: itself, or where it is `-`, standard input's line.

    What stands on a command line is seen by everybody on the machine and kept by the shell.
    """
    return sys.stdin.readline().strip() if given == "-" else given


def explain(error: ValidationError) -> str:
    """Return in one line what is wrong with which of a model's fields."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        message if name == "__all__" else f"{name.replace('_', ' ')}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )
