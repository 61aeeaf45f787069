"""Say whether this process is up, and whether it is ready for deliveries.

Asked by load balancers, orchestrators and `make run`, so it is open to everybody and tells no
more than a word for each check.
"""

from typing import cast

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from psycopg.errors import ReadOnlySqlTransaction

from webhooks.operations.broker import broker_probe
from webhooks.postgres.base import DatabaseWrapper, is_read_only

logger = structlog.stdlib.get_logger(__name__)

POSTGRES_LIMIT = 2.0
"""Seconds that Postgres may take for its answers."""

OK = "ok"


@never_cache
@require_safe
def show_health(_request: HttpRequest) -> JsonResponse:
    """Answer 200 for as long as this process answers at all; nothing else is asked."""
    return JsonResponse({"status": OK})


@never_cache
@require_safe
def show_readiness(_request: HttpRequest) -> JsonResponse:
    """Answer 200 where deliveries can be taken in, else 503, and what each check found.

    An acknowledgement needs Postgres and nothing else, so the broker is reported alone: taking a
    receiver out of service for it would turn deliveries away that it could have kept.
    """
    checks = check_postgres()
    is_ready = set(checks.values()) == {OK}
    return JsonResponse(
        {
            "status": "ready" if is_ready else "not ready",
            "checks": checks | {"broker": broker_probe.look()},
        },
        status=200 if is_ready else 503,
    )


def check_postgres() -> dict[str, str]:
    """Return what is found of Postgres and of the migrations, a word or two each."""
    database = cast("DatabaseWrapper", connection)
    try:
        unapplied = database.run_within(POSTGRES_LIMIT, count_unapplied)
    except DatabaseError as error:
        logger.warning("postgres_not_ready", error_class=type(error).__name__)
        found = "read-only" if is_read_only(error) else "no answer"
        return {"postgres": found, "migrations": "unknown"}
    return {"postgres": OK, "migrations": f"{unapplied} unapplied" if unapplied else OK}


def count_unapplied() -> int:
    """Return how many migrations this code has and the database lacks.

    Raises `django.db.InternalError`, as a delivery would, where Postgres can only be read: the
    connection is given up then, and the next one may lead to a server that takes deliveries.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        (read_only,) = cursor.fetchone()
    if read_only == "on":
        with connection.wrap_database_errors:
            raise ReadOnlySqlTransaction("Postgres can only be read")
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
