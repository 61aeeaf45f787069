"""Ports for what is killed and started again on the same one."""

import random
import socket

# Below what the system hands out to clients: a client that tries a closed port again and again
# can be given that very port, connect to itself and keep the server from ever coming back.
LOWEST, HIGHEST = 20_000, 32_000


def choose_port() -> int:
    """Return a port of this machine on which nothing listens and that no client is given."""
    while True:
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 -- no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
