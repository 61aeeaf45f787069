"""Knocks at the door as a sender does, in the same process."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.signing import Headers, sign_as_sender

SECRET = "the-signing-secret-of-the-tests"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answered."""

    status: int
    content: Any
    headers: Headers

    @property
    def outcome(self) -> tuple[int, str]:
        """The status code and the answer's own word."""
        return self.status, self.content["status"]


@dataclass(frozen=True, slots=True)
class Door:
    """The address of one source. An exception in the view reaches the test as it is."""

    slug: str = "demo"
    secret: str = SECRET
    client: Client = field(default_factory=Client)

    def send(self, body: bytes, headers: Headers | None = None, **extra: Any) -> Answer:
        """Post `body` with just these headers. `extra` goes into the WSGI environment."""
        response = self.client.post(
            f"/webhooks/{self.slug}/",
            data=body,
            content_type="application/json",
            headers=headers or {},
            # Django's client leaves the length of an empty body out; HTTP's do not.
            **{"CONTENT_LENGTH": str(len(body))} | extra,
        )
        assert response.headers["Content-Type"] == "application/json"
        return Answer(response.status_code, json.loads(response.content), dict(response.headers))

    def send_signed(self, body: bytes, timestamp: str | None = None, **extra: Any) -> Answer:
        """Post `body`, signed with the sender's scheme."""
        return self.send(body, sign_as_sender(body, self.secret, timestamp), **extra)
