"""The shape that every backend has, whatever its kind and vendor."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import msgspec
from django.core.checks import CheckMessage

from integrations.exceptions import PermanentFailure
from integrations.facts import ConversationFacts, EventFacts
from integrations.options import Options
from integrations.text import StorableText

Alias = Literal["crm", "tickets", "usage", "tasks"]
"""An integration: what `INTEGRATIONS` binds to a backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(StorableText):
    """What is asked of a backend.

    `idempotency_key` is the effect's business key: the same key always means the same side
    effect, so a backend that has applied it before answers as it did then. It has at most 255
    characters. Datetimes know their offset from UTC.
    """

    idempotency_key: str
    event: EventFacts
    conversation: ConversationFacts

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON's own types, for the effect that it is frozen on."""
        # Not msgspec.to_builtins, which leaves tuples as they are.
        frozen: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return frozen

    @classmethod
    def from_json(cls, frozen: object) -> Self:
        """Rebuild the request that `to_json` froze.

        Fields that this version does not know are passed over. Raises `PermanentFailure` where
        the rest does not fit.
        """
        try:
            return msgspec.convert(frozen, cls)
        except msgspec.ValidationError as error:
            # In front of the place msgspec may quote the value, which is payload.
            place = str(error).rpartition(" - at ")[2]
            raise PermanentFailure(
                f"The stored {cls.__name__} is not one that this version can read: {place}"
            ) from None


@dataclass(frozen=True, slots=True)
class Result:
    """What the vendor holds after a request was applied.

    `external_id` names the record there; `url` leads a person to it, empty where there is none.
    """

    external_id: str
    url: str = ""


RequestT = TypeVar("RequestT", bound=Request)


class Backend(ABC, Generic[RequestT]):
    """One vendor's way of applying one kind of request.

    Built once per process from `INTEGRATIONS[alias]` and called from several threads.
    """

    serves: ClassVar[frozenset[Alias]] = frozenset()
    """The aliases that may be bound to this class; set by each kind's base class."""

    samples: ClassVar[Sequence[Any]] = ()
    """Requests to try on, the first of which has everything and the last as little as there can
    be; set by each kind's base class."""

    options_class: ClassVar[type[Options]] = Options
    """What `OPTIONS` may hold for this backend."""

    options: Options

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        """Read the options; raises `ImproperlyConfigured` where they do not fit."""
        self.alias = alias
        self.options = self.options_class.read(options)

    @abstractmethod
    def apply(self, request: RequestT) -> Result:
        """Bring the side effect about, once however often the same key is given.

        Called by a Celery worker, never inside a database transaction. Raises
        `TemporaryFailure` where a later try may succeed and `PermanentFailure` where none can;
        anything else that escapes counts as temporary, since it may be a fault of ours.
        """

    def preview(self, request: RequestT) -> Mapping[str, Any]:
        """Return what `apply` would send for `request`, as JSON's own types; called on a dry run.

        A vendor's backend returns its rendered fields, without asking the vendor anything. Raises
        `PermanentFailure` where `apply` would before it sends.
        """
        return request.to_json()

    def check(self) -> Sequence[CheckMessage]:
        """Report what is wrong with `options`, without calling the vendor.

        Run by `manage.py check` at every start.
        """
        return []

    def diagnose(self) -> Sequence[str]:
        """Call the vendor harmlessly and return a sentence for each thing that stands in the way.

        Each says what is wrong and what to do about it; none means that effects can be applied.
        Run by `manage.py check_integrations`. Raises what `apply` may.
        """
        return []
