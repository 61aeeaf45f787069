"""What the setting holds for a backend that writes to HubSpot."""

import re
from typing import Annotated, ClassVar

from msgspec import Meta

from integrations.http.base_urls import check_base_url
from integrations.options import Options

BASE_URL = "https://api.hubapi.com"
DIGITS = re.compile(r"[0-9]*")


class HubSpotOptions(Options, frozen=True, kw_only=True):
    """What every one of HubSpot's backends takes.

    An account allows 190 requests in 10 seconds to a service key, whatever they are for (HubSpot,
    "API usage guidelines and limits",
    https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines), so two
    backends that share an account share that.
    """

    default_concurrency: ClassVar[int | None] = 8

    access_token: Annotated[str, Meta(min_length=1)]
    """A service key or the access token of a private app."""
    portal_id: str | int = ""
    """The account's number, for links into HubSpot; without it results have none."""
    base_url: str = BASE_URL
    contact_fields: dict[str, str] = {}
    """Templates of the fields that a contact is created with."""
    adopt_contacts: bool = True
    """Whether a contact that has the phone number already is taken, instead of making one."""

    def __post_init__(self) -> None:
        """Refuse an address that no key may go to, and what is no account's number."""
        check_base_url(self.base_url)
        if not DIGITS.fullmatch(str(self.portal_id)):
            raise ValueError("PORTAL_ID is the account's number, in digits alone")
