"""The connection to Postgres."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import env, required
from config.settings.limits import (
    DATABASE_CONNECT_TIMEOUT,
    DATABASE_LOCK_TIMEOUT,
    DATABASE_REPLY_TIMEOUT,
    DATABASE_STATEMENT_TIMEOUT,
    PEER_TIMEOUT,
)

PGBOUNCER = env.bool("DATABASE_PGBOUNCER", default=False)
"""Whether `DATABASE_URL` leads to PgBouncer in transaction mode, which forbids session state."""

TCP_OPTIONS = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": int(PEER_TIMEOUT * 1000),
}
"""Have the kernel find out that the other machine is gone; not heeded on a Unix socket."""


def read_database_url() -> dict[str, Any]:
    """Return Django's settings for the database that `DATABASE_URL` names."""
    url = required("DATABASE_URL", "name a Postgres, e.g. postgres://user:password@host/database.")
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with postgres://; nothing else will do."
        )
    database: dict[str, Any] = dict(environ.Env.db_url_config(url, engine="webhooks.postgres"))
    options: dict[str, Any] = {**database.get("OPTIONS", {})}
    if "host" in options:  # a Unix socket's folder, which a URL can only carry as a parameter
        database["HOST"] = options.pop("host")
    options |= {
        "connect_timeout": int(max(1, DATABASE_CONNECT_TIMEOUT)),
        "application_name": "switchboard",
        "reply_timeout": DATABASE_REPLY_TIMEOUT,
        **TCP_OPTIONS,
        # A 4 KB body would go over the wire as a hexadecimal literal twice its size otherwise.
        "server_side_binding": True,
    }
    if not PGBOUNCER:
        milliseconds = int(DATABASE_STATEMENT_TIMEOUT * 1000)
        options |= {
            "prepare_threshold": 2,
            # Not a standby, nor what was the primary before a failover. PgBouncer tells a client
            # what an earlier server was, and would have connections refused for it.
            "target_session_attrs": "read-write",
            # An acknowledgement promises a durable commit, whatever the server's default is.
            "options": (
                f"-c synchronous_commit=on -c statement_timeout={milliseconds}"
                f" -c idle_in_transaction_session_timeout={milliseconds}"
                f" -c lock_timeout={int(DATABASE_LOCK_TIMEOUT * 1000)}"
                # A statement that we no longer wait for ends, and does not add to what it waits in.
                " -c client_connection_check_interval=1000"
            ),
        }
    return database | {
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": PGBOUNCER,
    }
