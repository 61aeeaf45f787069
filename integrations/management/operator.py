"""Who typed a command."""

import os


def name_operator() -> str:
    """Return who typed the command, as far as the system knows."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"
