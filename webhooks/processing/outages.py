"""Tell a Postgres that is away, or busy, from a fault of what was asked of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import Error, InterfaceError, OperationalError

logger = structlog.stdlib.get_logger(__name__)

SQLSTATES = ("08", "25006", "25P03", "40", "53", "55", "57", "58")
"""How the codes begin of lost connections, servers that can only be read (a standby), transactions
that were ended for idleness, deadlocks, resources used up, locks not to be had, cancelled
statements and servers that stop, and failing disks; see Postgres's manual, appendix A."""


def is_outage(error: BaseException) -> bool:
    """Tell whether `error` says nothing of what was asked, so that it may well succeed later."""
    if not isinstance(error, Error):
        return False
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if sqlstate is None:
        # The client's own: a connection that is gone, or a server that does not answer.
        return isinstance(error, OperationalError | InterfaceError)
    return str(sqlstate).startswith(SQLSTATES)


@contextmanager
def ending_at_outages(work: str) -> Iterator[None]:
    """Have an outage end the block, which works off rows of that kind, and nothing else.

    Nothing is lost by that: the rows are there when Postgres is, and the sweep finds them.
    """
    try:
        yield
    except Error as error:
        if not is_outage(error):
            raise
        logger.warning("work_interrupted", work=work, error_class=type(error).__name__)
