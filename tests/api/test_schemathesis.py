"""Whatever fits the OpenAPI document, and whatever does not, is answered as the document says.

Schemathesis makes up requests of both kinds, also several that follow from each other, and compares
the answers with the document.
"""

from collections.abc import Iterator

import pytest
import schemathesis
from pytest_django.live_server_helper import LiveServer
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.api.clients import make_user, numbers
from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
    SigningSecretFactory,
)
from webhooks.audit import actor_of_command
from webhooks.models import Delivery, Effect, Event
from webhooks.operations.tokens import create_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

EXAMPLES = 6
SEED = 7


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rows of every kind, in states in which something can be done to them."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    conversation = ConversationFactory.create(score=0.5, goals=[], follow_ups=[])
    for state in Effect.State:
        effect = EffectFactory.create(state=state, conversation=conversation)
        AttemptFactory.create(effect=effect)
    for status in Event.Status:
        DeliveryFactory.create(event=EventFactory.create(status=status))
    DeliveryFactory.create(event=None, outcome=Delivery.Outcome.REJECTED)
    SigningSecretFactory.create()


def find_failures(url: str, headers: dict[str, str], seconds: int) -> Iterator[str]:
    """Yield in words each answer that is not as the document says, or not as HTTP wants it.

    Requests are made up for so many seconds, at most.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "max-time": seconds,
            "workers": 1,
            # The server's thread for a connection keeps one to Postgres open as long as it lasts.
            "headers": headers | {"Connection": "close"},
            "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/api/schema/?format=json", config=config)
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            yield f"{event.label}: {event.value!r}"
        if isinstance(event, events.ScenarioFinished):
            for nodes in event.recorder.checks.values():
                for node in nodes:
                    if node.failure_info is not None:
                        failure = node.failure_info.failure
                        yield f"{failure.title}: {failure.message}\n{node.failure_info.code_sample}"


def test_an_administrators_requests_are_answered_as_the_document_says(
    live_server: LiveServer,
) -> None:
    """Every check that there is, over all addresses, with somebody who may do everything."""
    user = make_user(is_superuser=True)
    token = create_token(user, f"token-{next(numbers)}", actor_of_command()).value
    found = list(find_failures(live_server.url, {"Authorization": f"Bearer {token}"}, 60))
    assert found == [], "\n\n".join(found)


def test_a_strangers_requests_are_refused_as_the_document_says(live_server: LiveServer) -> None:
    """Without a token nothing is answered but what went wrong."""
    found = list(find_failures(live_server.url, {}, 15))
    assert found == [], "\n\n".join(found)
