"""Our HTTP layer, where Stripe's package expects one of its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import stripe

from integrations.clients.stripe.errors import make_odd_answer, make_refusal
from integrations.http.client import VendorClient

SENT_HEADERS = frozenset({"Content-Type", "Stripe-Version"})
READ_BY_STRIPE = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
    }
)
"""The refusals whose error object says more than their status."""


class Transport(stripe.HTTPClient):
    """Sends what the package has put together, through `VendorClient`.

    The package passes on what this raises of ours.
    """

    name = "switchboard"

    def __init__(self, client: VendorClient, base_url: str) -> None:
        super().__init__()
        self._client = client
        self._base_url = base_url

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return the answer's body and status, where the package can read it.

        Its headers are not for the package, which would show staff Stripe's notices to developers.
        """
        answer = self._client.send(
            method.upper(),
            url.removeprefix(self._base_url),
            content=post_data.encode() if post_data is not None else None,
            headers={
                name: value for name, value in (headers or {}).items() if name in SENT_HEADERS
            },
            accept=READ_BY_STRIPE,
        )
        refused = answer.status >= HTTPStatus.BAD_REQUEST
        body = answer.read_json()
        if not isinstance(body, dict) or (refused and not isinstance(body.get("error"), dict)):
            # The package would quote it.
            raise make_refusal(answer.status) if refused else make_odd_answer()
        return answer.content.decode(), answer.status, {}

    def close(self) -> None:
        """Do nothing: the client lives as long as its process."""
