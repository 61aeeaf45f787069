"""Where Celery's messages go: into Postgres, unless `CELERY_BROKER_URL` names another broker."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import make_conninfo

from config.settings import limits
from config.settings.database import PGBOUNCER, TCP_OPTIONS
from config.settings.environment import env, required

KNOWN = ("pgmq://", "redis://", "rediss://", "amqp://", "amqps://")

URL: str = env.str("CELERY_BROKER_URL", default="") or "pgmq://"
if not URL.startswith(KNOWN):
    raise ImproperlyConfigured(f"CELERY_BROKER_URL must begin with one of: {', '.join(KNOWN)}.")
if PGBOUNCER and URL == "pgmq://":
    raise ImproperlyConfigured(
        "DATABASE_PGBOUNCER is set, and no LISTEN goes through PgBouncer: name the broker's"
        " Postgres itself, CELERY_BROKER_URL=pgmq://user:password@host/database, or another broker."
    )


def pgmq_conninfo() -> str:
    """Return the address of the Postgres that holds the broker, as libpq reads it."""
    if URL != "pgmq://":
        return URL.replace("pgmq://", "postgresql://", 1)
    url = required("DATABASE_URL", "name a Postgres, e.g. postgres://user:password@host/database.")
    parts = environ.Env.db_url_config(url)
    return make_conninfo(
        dbname=parts["NAME"],
        user=parts["USER"] or None,
        password=parts["PASSWORD"] or None,
        # A Unix socket's folder and port come as parameters, and take the place of these.
        **{
            "host": parts["HOST"] or None,
            "port": parts["PORT"] or None,
            **parts.get("OPTIONS", {}),
        },
    )


def transport_options() -> dict[str, Any]:
    """Return what kombu needs to know of the broker that `URL` names, its time limits above all."""
    if URL.startswith("pgmq"):
        return {
            "conn_string": pgmq_conninfo(),
            # Long polls would hold up the other queues of a worker: NOTIFY wakes it instead,
            # and polling catches what a lost notification missed.
            "wait_time_seconds": 0,
            "use_notify": True,
            "polling_interval": 1.0,
            "visibility_timeout": limits.BROKER_VISIBILITY_TIMEOUT,
            "connect_timeout": limits.BROKER_CONNECT_TIMEOUT,
            "reply_timeout": limits.BROKER_REPLY_TIMEOUT,
            "tcp_options": TCP_OPTIONS,
        }
    if URL.startswith("redis"):
        return {
            "global_keyprefix": "switchboard:",
            "socket_connect_timeout": limits.BROKER_CONNECT_TIMEOUT,
            "socket_timeout": limits.BROKER_REPLY_TIMEOUT,
            "socket_keepalive": True,
            "health_check_interval": limits.BROKER_HEARTBEAT,
            "visibility_timeout": limits.BROKER_VISIBILITY_TIMEOUT,
        }
    return {
        "connect_timeout": limits.BROKER_CONNECT_TIMEOUT,
        "read_timeout": limits.BROKER_REPLY_TIMEOUT,
        "write_timeout": limits.BROKER_CONNECT_TIMEOUT,
        "max_retries": 1,
    }


TRANSPORT_OPTIONS = transport_options()
