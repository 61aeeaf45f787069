"""The OpenAPI document, and whether the answers keep to it."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
)
from webhooks.models import Attempt, Delivery, Effect, Event

pytestmark = pytest.mark.django_db


def fetch_document() -> dict[str, Any]:
    """Return the document as anybody gets it."""
    document: dict[str, Any] = APIClient().get("/api/schema/?format=json").json()
    return document


def forbid_extras(node: Any) -> None:
    """Make each object in the document refuse what it does not describe."""
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            forbid_extras(child)
    elif isinstance(node, list):
        for child in node:
            forbid_extras(child)


def check(document: dict[str, Any], path: str, response: Any) -> None:
    """Compare an answer with what the document says of it."""
    answers = document["paths"][path]["get"]["responses"]
    kind = "application/json" if response.status_code < 400 else "application/problem+json"
    answer = answers[str(response.status_code)]["content"][kind]["schema"]
    schema = {"components": document["components"], **answer}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(response.json())] == []


@pytest.fixture
def document() -> dict[str, Any]:
    """Return the document, strict about what it does not describe."""
    document = fetch_document()
    forbid_extras(document["components"]["schemas"])
    return document


@pytest.fixture
def effects() -> list[Effect]:
    """Return effects in every state, of events in every status, with all kinds of attempts."""
    goal = {"name": "Booked", "achieved": None, "reason": ""}
    task = {"key": "k", "title": "Call", "description": "", "due_at": "", "assignee": ""}
    conversation = ConversationFactory.create(
        status="voicemail_left", duration_seconds=61, score=0.5, goals=[goal], follow_ups=[task]
    )
    states = list(Effect.State)
    effects = [
        EffectFactory.create(
            state=state, integration=integration, conversation=conversation, request=request
        )
        for state, integration, request in zip(
            states, list(Effect.Integration) * 2, [None, {"a": [1]}] * 4, strict=False
        )
    ]
    for ending in Attempt.Outcome:
        AttemptFactory.create(effect=effects[0], outcome=ending)
    for outcome in Delivery.Outcome:
        DeliveryFactory.create(event=effects[0].event, outcome=outcome, remote_address=None)
    for status in Event.Status:
        EventFactory.create(status=status, body=None, organization_uuid="")
    EffectFactory.create()
    return effects


def test_the_document_is_valid_and_complete() -> None:
    """drf-spectacular itself has nothing to warn of."""
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


def test_the_document_has_every_address() -> None:
    """All that is served is described, and nothing else is."""
    paths = fetch_document()["paths"]
    assert {(path, method) for path, operations in paths.items() for method in operations} == {
        (f"/api/v1/{path}/", method)
        for path, method in [
            *[(path, "get") for path in ("deliveries", "deliveries/{id}")],
            *[
                (path, "get")
                for path in ("events", "events/{event_id}", "events/{event_id}/payload")
            ],
            ("events/{event_id}/replay", "post"),
            ("events/{event_id}/replay/preview", "post"),
            ("events/{event_id}/close", "post"),
            *[(path, "get") for path in ("conversations", "conversations/{conversation_uuid}")],
            *[(path, "get") for path in ("effects", "effects/{id}")],
            *[(f"effects/{{id}}/{action}", "post") for action in ("retry", "close", "redo")],
            *[(path, "get") for path in ("replays", "replays/{id}")],
            *[(path, "post") for path in ("replays", "replays/preview", "replays/{id}/stop")],
            *[(path, "get") for path in ("integrations", "integrations/{alias}")],
            *[(f"integrations/{{alias}}/{action}", "post") for action in ("pause", "resume")],
            *[(path, "get") for path in ("sources", "sources/{slug}")],
            *[(f"sources/{{slug}}/{action}", "post") for action in ("pause", "resume")],
        ]
    }


def test_each_operation_says_how_it_refuses() -> None:
    """By RFC 9457, with the headers that belong to a status."""
    for path, operations in fetch_document()["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            refusals = {status for status in answers if status >= "400"}
            assert {"400", "401", "403", "406", "429", "503"} <= refusals, path
            for status in refusals:
                assert set(answers[status]["content"]) == {"application/problem+json"}
            assert "WWW-Authenticate" in answers["401"]["headers"]
            assert "Retry-After" in answers["429"]["headers"]


def test_all_answers_are_as_the_document_says(
    document: dict[str, Any], viewer: APIClient, reader: APIClient, effects: list[Effect]
) -> None:
    """Lists and rows in every state, with payload and with it withheld."""
    for client, query in ((viewer, ""), (reader, "?payload=true")):
        for name in ("deliveries", "events", "conversations", "effects", "integrations", "sources"):
            page = client.get(f"/api/v1/{name}/")
            check(document, f"/api/v1/{name}/", page)
            check(document, f"/api/v1/{name}/", client.get(f"/api/v1/{name}/?page_size=1"))
        for event in Event.objects.all():
            row = client.get(f"/api/v1/events/{event.event_id}/")
            check(document, "/api/v1/events/{event_id}/", row)
        for effect in effects:
            row = client.get(f"/api/v1/effects/{effect.pk}/{query}")
            check(document, "/api/v1/effects/{id}/", row)
            name = effect.conversation.conversation_uuid
            row = client.get(f"/api/v1/conversations/{name}/{query}")
            check(document, "/api/v1/conversations/{conversation_uuid}/", row)


def test_all_refusals_are_as_the_document_says(
    document: dict[str, Any], viewer: APIClient, reader: APIClient
) -> None:
    """400, 401, 403, 404 and 410 have the form that is promised."""
    gone = EventFactory.create(body=None).event_id
    payload = "/api/v1/events/{event_id}/payload/"
    for path, response, status in [
        ("/api/v1/events/", viewer.get("/api/v1/events/?status=x"), 400),
        ("/api/v1/events/", viewer.get("/api/v1/events/?cursor=x"), 400),
        ("/api/v1/events/", APIClient().get("/api/v1/events/"), 401),
        (payload, viewer.get(f"/api/v1/events/{gone}/payload/"), 403),
        ("/api/v1/events/{event_id}/", viewer.get("/api/v1/events/x/"), 404),
        (payload, reader.get(f"/api/v1/events/{gone}/payload/"), 410),
    ]:
        assert response.status_code == status
        check(document, path, response)


def test_the_document_comes_as_yaml_unless_json_is_asked_for() -> None:
    """Both forms are there for everybody, without a token."""
    assert "yaml" in APIClient().get("/api/schema/")["Content-Disposition"]
    accept = {"Accept": "application/vnd.oai.openapi+json"}
    assert APIClient().get("/api/schema/", headers=accept).json()["openapi"].startswith("3.1")


def test_strangers_cannot_keep_us_busy_with_the_document() -> None:
    """It is made once and then sent from memory; who makes each request differ is throttled."""
    client = APIClient()
    assert {client.get("/api/schema/").status_code for _ in range(100)} == {200}
    answers = [client.get(f"/api/schema/?x={number}").status_code for number in range(70)]
    assert answers[0] == 200
    assert answers[-1] == 429
