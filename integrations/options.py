"""What `INTEGRATIONS[alias]["OPTIONS"]` may hold, read once and typed."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec
from django.core.exceptions import ImproperlyConfigured

from integrations.rates import Rate


class Options(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="upper"
):
    """What every backend takes; a backend's own options are a subclass with more fields.

    In the setting the names are in capitals: `access_token` is `ACCESS_TOKEN` there.
    """

    default_rate: ClassVar[str] = ""
    """The rate where the setting names none: what the vendor allows an ordinary account."""
    default_concurrency: ClassVar[int | None] = None
    """The concurrency where the setting names none."""

    rate: str | None = None
    """The most requests that all workers together send, such as `100/10s`; empty for no limit."""
    concurrency: int | None = None
    """The most effects that all workers together have under way; 0 for no limit."""
    dry_run: bool = False
    """Whether effects only record what they would have sent."""

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Self:
        """Return what the setting holds.

        Raises `ImproperlyConfigured`, with a message that names the option and never its value.
        """
        try:
            read = msgspec.convert(dict(options), cls)
            read.read_rate()
        except (msgspec.ValidationError, ValueError) as error:
            raise ImproperlyConfigured(f"{error}.") from None
        if read.concurrency is not None and read.concurrency < 0:
            raise ImproperlyConfigured("CONCURRENCY is negative.")
        return read

    def read_rate(self) -> Rate | None:
        """Return the rate to keep to, or None for no limit. Raises `ValueError`."""
        text = self.default_rate if self.rate is None else self.rate
        return Rate.parse(text) if text else None

    def read_concurrency(self) -> int | None:
        """Return how many effects may be under way, or None for no limit."""
        limit = self.default_concurrency if self.concurrency is None else self.concurrency
        return limit or None

    def __repr__(self) -> str:
        """Show no value: among the options are keys, and tracebacks show what they come across."""
        return f"<{type(self).__name__}>"
