"""Who gets in, by which method and how often."""

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from tests.api.clients import VIEW_ALL, make_client, make_user, show_token
from tests.factories import (
    AttemptFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
    SigningSecretFactory,
)
from webhooks.models import AuditEntry, Effect, Replay

pytestmark = pytest.mark.django_db

LISTS = {
    "/api/v1/deliveries/": "view_delivery",
    "/api/v1/events/": "view_event",
    "/api/v1/conversations/": "view_conversation",
    "/api/v1/effects/": "view_effect",
    "/api/v1/replays/": "view_replay",
    "/api/v1/integrations/": "view_budget",
    "/api/v1/sources/": "view_source",
}
PROBLEM = {"type", "title", "status", "detail"}


@pytest.fixture
def effect() -> Effect:
    """Return an effect, with which its event, conversation and delivery are there too."""
    effect: Effect = AttemptFactory.create().effect
    DeliveryFactory.create(event=effect.event)
    run = Replay.objects.create(requested_from="test", reason="test", selection={})
    Effect.objects.update(replay=run)
    effect.refresh_from_db()
    return effect


def list_details(effect: Effect) -> dict[str, str]:
    """Return the addresses of single rows, and the permission that each needs."""
    return {
        f"/api/v1/events/{effect.event.event_id}/": "view_event",
        f"/api/v1/conversations/{effect.conversation.conversation_uuid}/": "view_conversation",
        f"/api/v1/effects/{effect.pk}/": "view_effect",
        f"/api/v1/deliveries/{effect.event.deliveries.get().pk}/": "view_delivery",
        f"/api/v1/replays/{effect.replay_id}/": "view_replay",
        "/api/v1/integrations/crm/": "view_budget",
        f"/api/v1/sources/{effect.event.source.slug}/": "view_source",
    }


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody-has-this-one"}])
def test_a_request_without_a_known_token_is_told_to_authenticate(
    effect: Effect, headers: dict[str, str]
) -> None:
    """401 with the scheme in WWW-Authenticate, for lists, rows and payload alike."""
    payload = f"/api/v1/events/{effect.event.event_id}/payload/"
    for path in (*LISTS, *list_details(effect), payload):
        response = APIClient().get(path, headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Content-Type"] == "application/problem+json"
        assert set(response.json()) == PROBLEM


def test_each_model_needs_its_own_view_permission(effect: Effect) -> None:
    """A user with one permission gets that model, and 403 for the others, which names it."""
    for path, needed in (LISTS | list_details(effect)).items():
        for granted in VIEW_ALL:
            response = make_client(granted).get(path)
            assert response.status_code == (200 if granted == needed else 403), (path, granted)
            assert granted == needed or needed in response.json()["detail"]


@pytest.mark.parametrize(
    ("permission", "path", "nested", "needed"),
    [
        ("view_event", "events/{event.event_id}", "deliveries", "view_delivery"),
        ("view_event", "events/{event.event_id}", "effects", "view_effect"),
        (
            "view_conversation",
            "conversations/{conversation.conversation_uuid}",
            "effects",
            "view_effect",
        ),
        ("view_source", "sources/{event.source.slug}", "secrets", "view_signingsecret"),
    ],
)
def test_rows_within_others_need_their_own_permission(
    effect: Effect, permission: str, path: str, nested: str, needed: str
) -> None:
    """Without it there are none, and they are not asked for."""
    SigningSecretFactory.create(source=effect.event.source)
    address = f"/api/v1/{path.format(event=effect.event, conversation=effect.conversation)}/"
    with CaptureQueriesContext(connection) as queries:
        assert make_client(permission).get(address).json()[nested] == []
    table = f"webhooks_{needed.removeprefix('view_')}"
    assert not any(f'FROM "{table}"' in query["sql"] for query in queries)
    assert len(make_client(permission, needed).get(address).json()[nested]) == 1


def test_a_user_without_permissions_gets_403_also_for_what_is_not_there(effect: Effect) -> None:
    """Nobody learns without a permission which rows there are."""
    client = make_client()
    known = client.get(f"/api/v1/events/{effect.event.event_id}/")
    unknown = client.get("/api/v1/events/00000000-0000-0000-0000-000000000000/")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.status_code == 403


def test_a_superuser_needs_no_single_permission(effect: Effect) -> None:
    """A superuser gets everything, payload included."""
    client = make_client(is_superuser=True)
    payload = f"/api/v1/events/{effect.event.event_id}/payload/"
    for path in (*LISTS, *list_details(effect), payload):
        assert client.get(path).status_code == 200


def test_a_session_of_the_admin_is_enough() -> None:
    """Who is logged in needs no token."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make_user("view_event"))
    assert client.get("/api/v1/events/").status_code == 200
    assert client.get("/api/v1/effects/").status_code == 403


def test_a_session_that_is_no_longer_of_the_staff_opens_nothing() -> None:
    """Who lost the status keeps the permissions, and none of the addresses."""
    client = APIClient()
    user = make_user("view_event")
    client.force_login(user)
    assert client.get("/api/v1/events/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_staff=False)
    assert client.get("/api/v1/events/").status_code == 403


def test_what_was_said_is_not_for_pages_of_other_sites(effect: Effect) -> None:
    """A browser adds the session by itself, but no token; everything else is shown as ever."""
    user = make_user(is_superuser=True)
    browser = APIClient()
    browser.force_login(user)
    row = f"/api/v1/events/{effect.event.event_id}/"
    said = (f"{row}payload/", f"/api/v1/effects/{effect.pk}/?payload=true")
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    for path in said:
        assert browser.get(path, headers=elsewhere).status_code == 403
        assert not AuditEntry.objects.filter(action="payload_seen").exists()
    for path in said:
        assert browser.get(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
        assert show_token(user).get(path, headers=elsewhere).status_code == 200
    assert browser.get(row, headers=elsewhere).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
def test_a_method_that_an_address_does_not_have_is_405(effect: Effect, method: str) -> None:
    """It says which there are; nothing is written."""
    client = make_client(is_superuser=True)
    payload = f"/api/v1/events/{effect.event.event_id}/payload/"
    for path in (*LISTS, *list_details(effect), payload, "/api/schema/"):
        if (path, method) == ("/api/v1/replays/", "post"):
            continue
        response = client.generic(method.upper(), path, "{", content_type="application/json")
        assert response.status_code == 405, path
        allowed = {"GET", "HEAD", "OPTIONS"} | ({"POST"} if path == "/api/v1/replays/" else set())
        assert set(response["Allow"].split(", ")) == allowed
        assert response["Content-Type"] == "application/problem+json"


def test_options_says_what_an_address_is_for(viewer: APIClient) -> None:
    """As REST framework does, for those who may look."""
    response = viewer.options("/api/v1/events/")
    assert response.status_code == 200
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert make_client().options("/api/v1/events/").status_code == 403


def test_head_answers_as_get_does_without_a_body(viewer: APIClient) -> None:
    """HEAD is GET's twin."""
    response = viewer.head("/api/v1/events/")
    assert response.status_code == 200
    assert response.content == b""


def test_answers_are_kept_by_no_cache(viewer: APIClient) -> None:
    """A shared cache must not show one user's answer to another."""
    caching = viewer.get("/api/v1/events/")["Cache-Control"]
    assert {"no-store", "private"} <= set(caching.split(", "))


def test_a_user_who_asks_too_often_is_told_when_to_come_back(
    viewer: APIClient, reader: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 with Retry-After, for that user alone."""
    monkeypatch.setattr(UserRateThrottle, "rate", "2/minute", raising=False)
    answers = [viewer.get("/api/v1/events/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert reader.get("/api/v1/events/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/events/00000000-0000-0000-0000-000000000000/",
        "/api/v1/events/00000000-0000-0000-0000-000000000000/payload/",
        "/api/v1/events/not-a-uuid/",
        "/api/v1/events/not-a-uuid/payload/",
        "/api/v1/events/%00/",
        "/api/v1/events/%ff%fe/",
        "/api/v1/conversations/nobody-knows-it/",
        "/api/v1/conversations/a%00b/",
        "/api/v1/conversations/%0a/",
        "/api/v1/effects/0/",
        "/api/v1/effects/-1/",
        "/api/v1/effects/abc/",
        "/api/v1/effects/99999999999999999999/",
        f"/api/v1/effects/{'9' * 5000}/",
        "/api/v1/integrations/fax/",
        "/api/v1/sources/nobody/",
        "/api/v1/nothing/",
        "/api/v1/events/a/b/",
        "/api/v2/",
        "/api/",
    ],
)
def test_what_is_not_there_is_404_in_json(reader: APIClient, path: str) -> None:
    """An unknown name and one that cannot be a name are both just not found."""
    response = reader.get(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert set(response.json()) == PROBLEM


def test_an_address_without_its_final_slash_leads_to_the_one_with_it(viewer: APIClient) -> None:
    """The method stays what it was, so that a POST is not answered as a GET."""
    for method in ("get", "post"):
        response = viewer.generic(method.upper(), "/api/v1/events?status=failed")
        assert response.status_code == 308
        assert response["Location"] == "/api/v1/events/?status=failed"


def test_an_event_is_found_however_its_id_is_written(viewer: APIClient) -> None:
    """Letters of either case, with and without hyphens: it is the same UUID."""
    event = EventFactory.create()
    name = event.event_id
    for written in (str(name), str(name).upper(), name.hex):
        assert viewer.get(f"/api/v1/events/{written}/").json()["event_id"] == str(name)


def test_a_conversation_is_found_whatever_characters_its_name_has(viewer: APIClient) -> None:
    """The sender chooses the name, so it need not be a UUID."""
    conversation = EffectFactory.create(
        conversation__conversation_uuid="room/7 ä?&.json"
    ).conversation
    response = viewer.get("/api/v1/conversations/room%2F7%20%C3%A4%3F%26.json/")
    assert response.json()["conversation_uuid"] == conversation.conversation_uuid


def test_a_database_that_is_too_slow_is_503_in_json(viewer: APIClient) -> None:
    """What Postgres gives up on is answered as a passing trouble, not as a fault of ours."""
    params = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password")
    with (
        psycopg.connect(**{name: params[name] for name in names if name in params}) as other,
        connection.cursor() as cursor,
    ):
        other.execute("LOCK TABLE webhooks_event IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET LOCAL statement_timeout = '100ms'")
        response = viewer.get("/api/v1/events/")
        other.rollback()
    assert response.status_code == 503
    assert "did not answer" in response.json()["detail"]
    assert int(response["Retry-After"]) > 0
