"""How gunicorn serves Switchboard; each name here is one of gunicorn's settings.

Read by `gunicorn --config config/gunicorn.py config.wsgi`. What differs between machines comes
from the environment: `WEB_BIND` (the address that is listened on), `PORT`, `WEB_CONCURRENCY`
(processes), `WEB_THREADS` (threads in each), and gunicorn's own `FORWARDED_ALLOW_IPS` (the proxies
whose word on https is taken).
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from gunicorn.glogging import Logger as GunicornLogger

from config.settings.environment import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
try:
    logging = settings.LOGGING
except ImproperlyConfigured as error:
    sys.exit(str(error))

# In production, who gets in is the network's business.
host = env.str("WEB_BIND", default="0.0.0.0")  # noqa: S104 -- see above
bind = f"{host}:{env.int('PORT', default=8000)}"
backlog = 2048

# The default class closes the connection after every answer; this one keeps it open.
worker_class = "gthread"
workers = env.int("WEB_CONCURRENCY", default=max(2, os.cpu_count() or 2))
threads = env.int("WEB_THREADS", default=8)
keepalive = settings.WEB_KEEPALIVE
timeout = settings.WEB_TIMEOUT
graceful_timeout = settings.WEB_GRACE
# Bounds what a slow leak can take. The jitter keeps workers from being replaced all at once.
max_requests = 100_000
max_requests_jitter = 20_000
# Loads the application once for all workers; see `pre_fork` for what must not be shared.
preload_app = True
# The sign of life is a file; on a slow disk, touching it can block the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- private file

# The C parser out of `gunicorn[fast]`; a deployment without it should not go unnoticed.
http_parser = "fast"
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190


class Logger(GunicornLogger):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's logger without an access log, which it would put together and throw away."""

    def access(self, *_: Any) -> None:
        """Say nothing: the line that the receiver logs for each delivery says more."""


logger_class = Logger
logconfig_dict = logging | {
    "loggers": logging["loggers"] | {"gunicorn.error": {"level": "INFO", "propagate": True}},
}
# It would be one and the same file for all instances of a user.
control_socket_disable = True


def pre_fork(_arbiter: Any, _worker: Any) -> None:
    """Close what loading the application may have opened: two processes cannot share a session."""
    connections.close_all()


def pre_request(_worker: Any, request: Any) -> None:
    """Bound by `WEB_BODY_TIMEOUT` how long the request's body may take to arrive.

    gunicorn waits for ever, and as many peers as there are threads that vanish in the middle of a
    body would be the end of the process's usefulness.
    """
    unreader = request.unreader
    deadline = time.monotonic() + settings.WEB_BODY_TIMEOUT

    def read_chunk() -> bytes:
        unreader.sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            data: bytes = unreader.sock.recv(unreader.mxchunk)
            return data
        finally:
            unreader.sock.settimeout(None)

    unreader.chunk = read_chunk


def post_request(_worker: Any, request: Any, _environ: Any, _response: Any) -> None:
    """Leave what follows on the connection to gunicorn's own limits."""
    del request.unreader.chunk


def worker_exit(_arbiter: Any, _worker: Any) -> None:
    """Publish what has been recorded and not yet handed over, so that a deploy delays nothing.

    What was measured of it is added to the counts, too.
    """
    from webhooks.processing.dispatch import publisher  # noqa: PLC0415 -- needs the application
    from webhooks.statistics import acknowledgements as measured  # noqa: PLC0415 -- as above

    publisher.close(timeout=1)
    measured.acknowledgements.close(timeout=1)
