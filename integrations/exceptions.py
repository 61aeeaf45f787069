"""What a backend may raise while it applies a request.

A misconfigured backend is not in this family: that is a system check's finding
(`Backend.check`) or Django's ImproperlyConfigured, never an effect's failure.
"""

from datetime import timedelta


class IntegrationError(Exception):
    """A request could not be applied.

    The message is shown to operations staff and written to logs: it says what went wrong and
    never carries a secret or a part of the payload.
    """


class TemporaryFailure(IntegrationError):  # noqa: N818 -- says what happened, not that it did
    """The same request may succeed later: a time-out, a connection that broke, a vendor's 5xx.

    `retry_after` is how long to wait at least: as long as the vendor asked to be left alone, or as
    a backend has reason to; None where nothing is known.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(TemporaryFailure):
    """No connection came about, so the vendor cannot have seen the request."""


class RateLimited(TemporaryFailure):
    """The vendor has had enough requests from us, whichever effect they were for.

    Everybody who calls this integration waits, and the effect's attempts are not used up by it.
    """


class AccessDenied(TemporaryFailure):
    """The vendor rejects our key, or the key lacks a right: nothing that the effect asks for.

    No other effect would fare better, so the integration's circuit opens at once and its effects
    wait, with their attempts, until somebody has mended it.
    """


class PermanentFailure(IntegrationError):  # noqa: N818 -- as TemporaryFailure
    """No repetition of the same request can succeed; a person has to look at it."""
