"""A service of one's own, told by signed webhooks.

Signed as Standard Webhooks says (https://www.standardwebhooks.com), so that the service can verify
with a library of its language; `Idempotency-Key` as in the IETF draft "The Idempotency-Key HTTP
Header Field", and so is the meaning of 409: the first request with this key is under way still.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, ClassVar

import httpx
import msgspec
from standardwebhooks import Webhook

from integrations.base import Alias, Backend, RequestT, Result
from integrations.exceptions import TemporaryFailure
from integrations.http.addresses import is_public
from integrations.http.answer import Answer
from integrations.http.client import VendorClient, is_usable_address
from integrations.http.keys import make_header_key, make_uuid
from integrations.options import Options
from integrations.text import make_storable

LONGEST_ID = 255
LONGEST_URL = 500
SHORTEST_SECRET = 24
"""In bytes, by Standard Webhooks."""

NOTHING_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
"""Statuses of an address that is wrong or not served yet, rather than of a request."""


class WebhookOptions(Options, frozen=True, kw_only=True):
    """The options of the `webhook` backends."""

    url: str
    """Where the service takes them."""
    secret: str
    """What they are signed with: `whsec_` and base64 of at least 24 bytes."""
    allow_private_addresses: bool = False
    """Whether the service may have an address in one's own network, or on this machine."""
    allow_http: bool = False
    """Whether `URL` may be without TLS: all who pass the data on can read it then."""

    def __post_init__(self) -> None:
        """Refuse what could not work, in words without the values."""
        if not is_usable_address(self.url):
            raise ValueError("URL is not an https:// address (without a user name)")
        if not self.allow_http and httpx.URL(self.url).scheme != "https":
            raise ValueError(
                "URL is not an https:// address; set ALLOW_HTTP to true if everybody on the way to"
                " the service may read what is sent"
            )
        if not self.allow_private_addresses and is_private_literal(httpx.URL(self.url).host):
            raise ValueError(
                "URL has an address that is not of the public internet; set"
                " ALLOW_PRIVATE_ADDRESSES to true if the service is in your own network"
            )
        if not is_usable_secret(self.secret):
            raise ValueError("SECRET is not `whsec_` followed by base64 of at least 24 bytes")


class WebhookBackend(Backend[RequestT]):
    """Posts each request, signed, to the service; a kind's backend names its `event_type`."""

    options_class = WebhookOptions
    options: WebhookOptions
    event_type: ClassVar[str]
    """The `type` of what is sent, such as `crm.contact_update`."""

    def __init__(self, alias: Alias, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self._webhook = Webhook(self.options.secret)
        self.client = VendorClient(
            "The webhook's service",
            alias,
            self.options.url,
            headers={"Content-Type": "application/json"},
            options=self.options,
            public_only=not self.options.allow_private_addresses,
        )

    def apply(self, request: RequestT) -> Result:
        """Post `request`; the service is to know its key, and answers as it did the first time."""
        body = msgspec.json.encode(self.preview(request))
        answer = self.client.send(
            "POST",
            "",
            content=body,
            headers=self._make_headers(request, body),
            accept=NOTHING_THERE | {HTTPStatus.CONFLICT},
        )
        if answer.status == HTTPStatus.CONFLICT:
            raise TemporaryFailure(
                "The webhook's service is still at work on this key (status 409)."
            )
        if answer.status in NOTHING_THERE:
            raise TemporaryFailure(
                f"The webhook's service takes nothing at its address (status {answer.status}):"
                " check URL."
            )
        return read_result(answer, self.name_record(request))

    def preview(self, request: RequestT) -> Mapping[str, Any]:
        """Return the body. Its `timestamp` is the event's: one key, one body at every attempt."""
        data = request.to_json()
        return {
            "type": self.event_type,
            "timestamp": data["event"]["created"],
            "data": data,
        }

    def diagnose(self) -> Sequence[str]:
        """Ask with OPTIONS, which does nothing there, whether there is something at the address.

        Whether the service knows the secret shows only when it verifies a real effect. Raises
        what `apply` may.
        """
        answer = self.client.send("OPTIONS", "", accept=HARMLESS)
        if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            nothing = (
                f"The webhook's service has nothing at its address (status {answer.status}):"
                " check URL, and that the service is deployed."
            )
            return [nothing]
        return []

    def name_record(self, request: RequestT) -> str:
        """Return what names the record where the service does not say."""
        return make_message_id(request.idempotency_key)

    def make_key(self, request: RequestT) -> str:
        """Return the key under which the service always gets the same body."""
        return request.idempotency_key

    def _make_headers(self, request: RequestT, body: bytes) -> dict[str, str]:
        key = self.make_key(request)
        message_id = make_message_id(key)
        now = datetime.now(UTC)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, body.decode()),
            "Idempotency-Key": make_header_key(key),
        }


HARMLESS = frozenset({*range(400, 500), HTTPStatus.NOT_IMPLEMENTED}) - {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""What a service may well answer to OPTIONS that takes POST alone."""


def make_message_id(key: str) -> str:
    """Return the `webhook-id` for `key`.

    Not the key itself: the parts that are signed are joined by full stops, so an id may hold none.
    """
    return f"msg_{make_uuid(key)}"


def read_result(answer: Answer, default_id: str) -> Result:
    """Return the answer's `id` and `url`, where it has such; a service may answer anything."""
    try:
        said = answer.read_json()
    except TemporaryFailure:
        said = None
    if not isinstance(said, dict):
        return Result(default_id)
    external_id = said.get("id")
    if isinstance(external_id, int) and not isinstance(external_id, bool):
        external_id = str(external_id)
    if not isinstance(external_id, str) or not 0 < len(external_id) <= LONGEST_ID:
        external_id = default_id
    return Result(make_storable(external_id), read_link(said.get("url")))


def read_link(url: object) -> str:
    """Return `url` where it may be shown to people as a link, else an empty text."""
    if isinstance(url, str) and len(url) <= LONGEST_URL and is_usable_address(url):
        return url
    return ""


def is_private_literal(host: str) -> bool:
    """Return whether `host` is an address, not a name, outside the public internet."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def is_usable_secret(secret: str) -> bool:
    """Return whether the package can sign with `secret`, and it is long enough to be one."""
    if not secret.startswith("whsec_"):
        return False
    text = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return False
    return len(key) >= SHORTEST_SECRET
