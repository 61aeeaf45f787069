"""Having things done: who may, what is asked for, and what is refused."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.clients import VIEW_ALL, make_client, make_dead, make_user
from tests.factories import EffectFactory, EventFactory, SourceFactory
from webhooks.api import asking
from webhooks.api.access import ActionThrottle
from webhooks.models import AuditEntry, Effect, Event, Replay

pytestmark = pytest.mark.django_db

REASON = {"reason": "The vendor was away."}


@pytest.fixture
def rows() -> dict[str, Any]:
    """Return what stands in the addresses: something that each action can be done to."""
    return {
        "event": EventFactory.create(status=Event.Status.DEAD).event_id,
        "dead": make_dead(integration=Effect.Integration.TICKETS).pk,
        "done": EffectFactory.create(state=Effect.State.SUCCEEDED, request={"a": 1}).pk,
        "source": SourceFactory.create(slug="demo").slug,
        "run": Replay.objects.create(
            requested_from="test", reason="test", selection={"rows": "events"}, found=1
        ).pk,
    }


EVENTS = {"events": {"needs_people": True}}
EFFECTS = {"effects": {"needs_people": True}}
DONE = {"effects": {"status": "succeeded"}}

ACTIONS: list[tuple[str, dict[str, Any], str, int]] = [
    ("events/{event}/replay", REASON, "replay_event", 202),
    ("events/{event}/replay/preview", {}, "replay_event", 200),
    ("events/{event}/close", REASON, "replay_event", 202),
    ("effects/{dead}/retry", REASON, "retry_effect", 202),
    ("effects/{dead}/close", REASON, "retry_effect", 202),
    ("effects/{done}/redo", REASON, "redo_effect", 202),
    ("replays", {"action": "replay", **EVENTS, **REASON}, "replay_event", 202),
    ("replays", {"action": "closing", **EVENTS, **REASON}, "replay_event", 202),
    ("replays", {"action": "retry", **EFFECTS, **REASON}, "retry_effect", 202),
    ("replays", {"action": "closing", **EFFECTS, **REASON}, "retry_effect", 202),
    ("replays", {"action": "redo", **DONE, **REASON}, "redo_effect", 202),
    ("replays/preview", {"action": "replay", **EVENTS}, "replay_event", 200),
    ("replays/preview", {"action": "retry", **EFFECTS}, "retry_effect", 200),
    ("replays/preview", {"action": "redo", **DONE}, "redo_effect", 200),
    ("replays/{run}/stop", {}, "replay_event", 200),
    ("sources/{source}/pause", REASON, "pause_source", 200),
    ("integrations/crm/pause", REASON, "pause_integration", 200),
]
PERMISSIONS = (
    "replay_event",
    "retry_effect",
    "redo_effect",
    "pause_source",
    "pause_integration",
)


def post(client: APIClient, path: str, body: dict[str, Any], **headers: str) -> Any:
    """Send JSON to an address below `/api/v1/`."""
    return client.post(f"/api/v1/{path}/", body, format="json", headers=headers)


@pytest.mark.parametrize(("path", "body", "needed", "status"), ACTIONS)
def test_an_action_takes_its_own_permission(
    rows: dict[str, Any], path: str, body: dict[str, Any], needed: str, status: int
) -> None:
    """All the others together are not enough, and nothing is done without it."""
    address = path.format(**rows)
    others = [name for name in PERMISSIONS if name != needed]
    refused = post(make_client(*VIEW_ALL, *others), address, body)
    assert refused.status_code == 403
    assert needed in refused.json()["detail"]
    assert Replay.objects.count() == 1
    assert not AuditEntry.objects.exclude(action=AuditEntry.Action.TOKEN_ADDED).exists()
    assert post(make_client(*VIEW_ALL, needed), address, body).status_code == status


@pytest.mark.parametrize(("path", "body", "needed", "status"), ACTIONS)
def test_an_action_is_for_those_who_may_see_the_row_too(
    rows: dict[str, Any], path: str, body: dict[str, Any], needed: str, status: int
) -> None:
    """Nobody does something to what they may not look at, nor without a token."""
    assert status < 300
    address = path.format(**rows)
    assert post(make_client(needed), address, body).status_code == 403
    assert post(APIClient(), address, body).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"), [(path, body) for path, body, _, _ in ACTIONS if "reason" in body]
)
def test_nothing_is_done_without_a_reason(
    rows: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """Neither without one nor with one that nobody can read; the answer names the field."""
    client = make_client(is_superuser=True)
    address = path.format(**rows)
    without = {name: value for name, value in body.items() if name != "reason"}
    for sent in (
        without,
        body | {"reason": " \n"},
        body | {"reason": 5},
        body | {"reason": "x" * 501},
    ):
        response = post(client, address, sent)
        assert response.status_code == 400, sent
        assert set(response.json()["errors"]) == {"reason"}
    assert Replay.objects.count() == 1


def test_a_run_is_answered_with_where_it_can_be_followed(rows: dict[str, Any]) -> None:
    """The record says who asked through which door, for what and why."""
    user = make_user(*VIEW_ALL, "retry_effect")
    client = APIClient()
    client.force_authenticate(user)
    response = post(client, f"effects/{rows['dead']}/retry", REASON)
    answer = response.json()
    assert (answer["action"], answer["state"], answer["found"]) == ("retry", "waiting", 1)
    assert (answer["requested_by"], answer["requested_from"]) == (user.username, "API")
    assert answer["reason"] == REASON["reason"]
    assert answer["selection"] == {"rows": "effects", "effects": [rows["dead"]]}
    assert client.get(response["Location"]).json() == answer
    entry = AuditEntry.objects.get(action=AuditEntry.Action.RETRY)
    assert (entry.actor, entry.door, entry.detail) == (user, "api", REASON["reason"])


def test_a_request_that_is_sent_again_starts_nothing_twice(rows: dict[str, Any]) -> None:
    """The same key is given the same run; with another request it is refused."""
    client, other = make_client(is_superuser=True), make_client(is_superuser=True)
    key = {"Idempotency-Key": "order-66"}
    path = f"effects/{rows['dead']}/retry"
    first = post(client, path, REASON, **key)
    again = post(client, path, REASON, **key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert post(client, f"events/{rows['event']}/replay", REASON, **key).status_code == 409
    assert post(other, path, REASON, **key).json()["id"] != first.json()["id"]
    assert post(client, path, REASON, **{"Idempotency-Key": ""}).status_code == 400


def test_what_can_be_done_to_nothing_is_409(rows: dict[str, Any]) -> None:
    """Nothing is written where there is nothing to do."""
    client = make_client(is_superuser=True)
    response = post(client, f"effects/{rows['done']}/retry", REASON)
    assert response.status_code == 409
    assert "Nothing to do" in response.json()["detail"]
    assert Replay.objects.count() == 1


def test_a_preview_does_nothing(rows: dict[str, Any]) -> None:
    """It says in words how many rows it would be done to."""
    answer = post(
        make_client(is_superuser=True),
        "replays/preview",
        {"action": "retry", "effects": {"ids": [rows["dead"], rows["done"]]}},
    ).json()
    assert (answer["found"], answer["examined"], answer["rows"]) == (2, 2, 1)
    assert sum(line["number"] for line in answer["lines"]) >= 2
    assert Effect.objects.get(pk=rows["dead"]).state == Effect.State.DEAD


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "replay"}, "events"),
        ({"action": "retry", "events": {"status": "dead"}}, "action"),
        ({"action": "replay", "effects": {"status": "dead"}}, "action"),
        ({"action": "explode", "effects": {"status": "dead"}}, "action"),
        ({"action": "replay", "events": {}}, "events"),
        ({"action": "replay", "events": {"statsu": "dead"}}, "events.statsu"),
        ({"action": "replay", "events": {"status": "died"}}, "events.status"),
        ({"action": "replay", "events": {"event_ids": ["x"]}}, "events.event_ids[0]"),
        ({"action": "replay", "events": {"event_ids": []}}, "events.event_ids"),
        ({"action": "replay", "events": {"received_after": "2026-01-01"}}, "events.received_after"),
        ({"action": "retry", "effects": {"ids": ["1"]}}, "effects.ids[0]"),
        ({"action": "retry", "effects": {"ids": [1], "dry": True}}, "effects.dry"),
        ({"action": "retry", "effects": {"ids": [1]}, "force": True}, "force"),
        ({"action": "retry", "effects": {"conversation": "a\0"}}, "effects.conversation"),
    ],
)
def test_a_body_that_cannot_be_meant_is_400_and_names_its_field(
    body: dict[str, Any], field: str
) -> None:
    """Nothing is passed over that might have narrowed what is done."""
    response = post(make_client(is_superuser=True), "replays", body | REASON)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {field}


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
        (b"reason=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    rows: dict[str, Any], content: bytes, media_type: str, status: int
) -> None:
    """It is told which way, and nothing is done."""
    client = make_client(is_superuser=True)
    for path in ("replays", f"effects/{rows['dead']}/retry"):
        response = client.post(f"/api/v1/{path}/", content, content_type=media_type)
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
    assert Replay.objects.count() == 1


def test_a_source_and_an_integration_are_paused_and_resumed(rows: dict[str, Any]) -> None:
    """Each says that it is, refuses to be so twice, and the list of acts has both reasons."""
    client = make_client(is_superuser=True)
    for path in (f"sources/{rows['source']}", "integrations/crm"):
        assert post(client, f"{path}/resume", REASON).status_code == 409
        paused = post(client, f"{path}/pause", REASON).json()
        assert paused["paused_reason"] == REASON["reason"]
        assert client.get(f"/api/v1/{path}/").json() == paused
        assert post(client, f"{path}/pause", REASON).status_code == 409
        assert post(client, f"{path}/resume", {"reason": "It is back."}).json()["paused_at"] is None
    for action, words in (("pause", REASON["reason"]), ("resume", "It is back.")):
        entries = AuditEntry.objects.filter(action=action)
        assert len(entries) == 2
        assert all(entry.door == "api" and words in entry.detail for entry in entries)


def test_a_run_that_cannot_be_read_is_not_stopped() -> None:
    """One of a version that said nothing of its rows has ended, and answers as such."""
    run = Replay.objects.create(requested_from="test", reason="test", selection={})
    response = post(make_client("view_replay", "replay_event"), f"replays/{run.pk}/stop", {})
    assert response.status_code == 409


def test_more_than_can_be_looked_at_is_not_done_twice(
    rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redo by filter has the bound that it has in the admin; one within it is asked for."""
    monkeypatch.setattr(asking, "MOST_REDONE", 1)
    client = make_client("view_replay", "redo_effect")
    asked = {"action": "redo", **DONE, **REASON}
    second = EffectFactory.create(state=Effect.State.SUCCEEDED, request={"a": 1})
    response = post(client, "replays", asked)
    assert response.status_code == 409
    assert "at most 1" in response.text
    assert Replay.objects.filter(action="redo").count() == 0
    second.delete()
    assert post(client, "replays", asked).status_code == 202
    assert rows


def test_a_run_is_stopped_once(rows: dict[str, Any]) -> None:
    """One that has ended cannot be stopped again."""
    client = make_client(is_superuser=True)
    answer = post(client, f"replays/{rows['run']}/stop", {}).json()
    assert answer["state"] == "stopped"
    assert answer["stopped_by"] is not None
    assert post(client, f"replays/{rows['run']}/stop", {}).status_code == 409


def test_a_session_acts_only_with_its_csrf_token(rows: dict[str, Any]) -> None:
    """Another site cannot have something done with somebody's session."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make_user(is_superuser=True))
    response = post(client, f"effects/{rows['dead']}/retry", REASON)
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]


def test_acting_is_limited_more_than_looking(
    rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has too much done is told when to come back, and can still look."""
    monkeypatch.setattr(ActionThrottle, "rate", "2/minute", raising=False)
    client = make_client(is_superuser=True)
    answers = [post(client, f"events/{rows['event']}/replay/preview", {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert client.get("/api/v1/events/").status_code == 200
