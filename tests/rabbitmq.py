"""How RabbitMQ, as Debian packages it, is started under a name, a folder and ports of its own."""

import os
import shutil
from pathlib import Path

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def is_installed() -> bool:
    """Tell whether Debian's package is here."""
    return PROGRAM.exists()


def build_command() -> list[str]:
    """Return the server's command; it stays in the foreground."""
    return [str(PROGRAM)]


def build_mapper_command(mapper: int) -> list[str]:
    """Return the command of Erlang's port mapper on the port `mapper`.

    Ours, in the foreground: the one that Erlang starts by itself would stay for ever.
    """
    epmd = shutil.which("epmd")
    assert epmd is not None
    return [epmd, "-port", str(mapper)]


def build_environment(folder: Path, port: int, dist_port: int, mapper: int) -> dict[str, str]:
    """Return what is added to the environment of both: all data under `folder`, our own ports."""
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"switchboard{os.getpid()}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(dist_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
