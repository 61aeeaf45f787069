"""Whose fault something is, what to do about it, and where in the admin that is done."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypedDict

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import TextChoices
from django.urls import reverse


class Whose(TextChoices):
    """Whose fault something is, as pages say it."""

    NOBODY = "nobody", "nobody's"
    VENDOR = "vendor", "the vendor's"
    SENDER = "sender", "the sender's"
    SETUP = "setup", "ours: something is not set up for it"
    OURS = "ours", "ours: Switchboard itself"


@dataclass(frozen=True, slots=True)
class Door:
    """A page of the admin: its name among the URLs, the permission to open it, and what it is."""

    name: str
    permission: str
    text: str


class Place(Enum):
    """Where in the admin something is done; the first two are the page of one row."""

    SOURCE = Door("webhooks_source_change", "webhooks.view_source", "Open the source")
    INTEGRATION = Door(
        "integrations_budget_change", "integrations.view_budget", "Open the integration"
    )
    INTEGRATIONS = Door(
        "integrations_budget_changelist", "integrations.view_budget", "Open the integrations"
    )
    ROUTES = Door("webhooks_route_changelist", "webhooks.view_route", "Open the routes")
    CUSTOMERS = Door(
        "integrations_stripecustomer_changelist",
        "integrations.view_stripecustomer",
        "Open the Stripe customers",
    )
    METER_EVENTS = Door(
        "integrations_stripemeterevent_changelist",
        "integrations.view_stripemeterevent",
        "Open the Stripe meter events",
    )


ONE_ROW = (Place.SOURCE, Place.INTEGRATION)


@dataclass(frozen=True, slots=True)
class Advice:
    """Whose fault it is and what to do, in whole sentences; `key` is of the row of `place`."""

    whose: Whose
    todo: str
    place: Place | None = None
    key: int | str | None = None

    def then(self, *sentences: str) -> "Advice":
        """Return the advice with more to do after that."""
        return replace(self, todo=" ".join(filter(None, (self.todo, *sentences))))

    def at(self, *, source: int | None = None, alias: str | None = None) -> "Advice":
        """Return the advice with the row whose page its place is, a source or an integration.

        Where that is not known there is no way to it.
        """
        match self.place:
            case Place.SOURCE:
                return replace(self, key=source)
            case Place.INTEGRATION:
                return replace(self, key=alias)
        return self


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page."""

    url: str
    text: str


def find_links(advice: Advice | None, reader: User | AnonymousUser) -> Iterator[Link]:
    """Yield the ways to what the advice asks for, as far as `reader` may go there."""
    if advice is None or advice.place is None:
        return
    if advice.place in ONE_ROW and advice.key is None:
        return
    door = advice.place.value
    if reader.has_perm(door.permission):
        args = [advice.key] if advice.place in ONE_ROW else []
        yield Link(reverse(f"admin:{door.name}", args=args), door.text)


def name_culprit(advice: Advice | None) -> str:
    """Return whose fault it is, where it is anybody's."""
    return "" if advice is None or advice.whose is Whose.NOBODY else str(advice.whose.label)


class Step(TypedDict):
    """What a page says beside what became of a row: whose fault it is, and what to do about it."""

    whose: str
    todo: str
    links: list[Link]


def describe_step(advice: Advice | None, reader: User | AnonymousUser) -> Step:
    """Return the advice as pages show it, with the ways that `reader` may go."""
    return Step(
        whose=name_culprit(advice),
        todo=advice.todo if advice else "",
        links=list(find_links(advice, reader)),
    )
