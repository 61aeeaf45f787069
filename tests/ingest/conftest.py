"""What the tests of ingest share."""

from collections.abc import Iterator

import pytest

from tests.factories import SigningSecretFactory
from tests.ingest.door import SECRET, Door
from webhooks.ingest import afterwards, recorder
from webhooks.ingest.allowance import Allowance
from webhooks.ingest.known_secrets import known_secrets
from webhooks.ingest.sources import subscriptions
from webhooks.models import SigningSecret
from webhooks.processing import dispatch


class Silence(dispatch.Publisher):
    """A publisher that publishes nothing."""

    def hand_over(self) -> None:
        """Forget the event."""


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a process remembers of other tests; leave all events to the sweep.

    A publisher's thread would still be at it when the test's rows are long gone.
    """
    subscriptions.clear()
    known_secrets.clear()
    for name in ("causes_allowance", "differences_allowance"):
        monkeypatch.setattr(afterwards, name, Allowance(per_second=2))
    monkeypatch.setattr(recorder, "secret_use", recorder.SecretUse())
    monkeypatch.setattr(dispatch, "publisher", Silence())
    yield
    subscriptions.clear()


@pytest.fixture
def secret(db: None) -> SigningSecret:  # noqa: ARG001 -- a row needs a database
    """Return the one active secret of the source `demo`."""
    return SigningSecretFactory.create(source__slug="demo", value=SECRET)


@pytest.fixture
def door(secret: SigningSecret) -> Door:  # noqa: ARG001 -- the door needs its source
    """Return the door of the source `demo`, through Django's test client."""
    return Door()
