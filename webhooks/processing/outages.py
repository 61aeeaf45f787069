"""Tell a Postgres that is away, or busy, from a fault of what was asked of it."""

from django.db import Error, InterfaceError, OperationalError

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
