"""What must hold before anything is started, each with a sentence for when it does not."""

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path


class StartError(Exception):
    """Switchboard cannot start; the message is one sentence for whoever typed the command."""


def read_port(host: str) -> int:
    """Return the number in `PORT` (8000 where it is not set), if `host` can be listened on there.

    `host` is an IPv4 address of this machine, or a name of one. Called before anything is started.
    """
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004
        raise StartError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    port = int(text)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As gunicorn will: connections of an earlier run that are still fading are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise StartError(
                    f"WEB_BIND must be an IPv4 address of this machine, not {host!r}."
                ) from error
            reason = {
                errno.EADDRINUSE: "is taken: end what listens there",
                errno.EACCES: "needs root's permission: get that",
            }.get(error.errno or 0, f"cannot be used ({error.strerror}): mend that")
            raise StartError(f"Port {port} {reason}, or choose another with PORT.") from error
    return port


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Make the data folder where it is missing, and keep other runs out of it meanwhile."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            # It will hold keys, and may lie in anybody's checkout. One with files in it is left as
            # it is: what hides ours from git would hide those too.
            (folder / ".gitignore").write_text("*\n")
        # An earlier run's lock can be opened in a folder where nothing new can be made.
        with tempfile.TemporaryFile(dir=folder):
            lock = (folder / "lock").open("w")
    except PermissionError as error:
        raise StartError(
            f"No permission to write in the data folder {folder}: mend that, or choose another"
            " with DATA_DIR."
        ) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise StartError(
            f"The data folder {folder} is not a folder: choose another with DATA_DIR."
        ) from error
    except OSError as error:
        raise StartError(
            f"The data folder {folder} cannot be used ({error.strerror}): choose another with"
            " DATA_DIR."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"Switchboard is running in the data folder {folder} already: end it, or choose"
                " another with DATA_DIR."
            ) from error
        yield
