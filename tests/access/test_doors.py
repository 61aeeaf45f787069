"""Each door, as each role, by direct address: the answers that `doors.py` says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from django.utils import timezone

from integrations.models import Budget, StripeCustomer, StripeMeterEvent
from tests.access.doors import (
    ACTIONS,
    ADMIN,
    API,
    API_OPEN_TO_ALL,
    OPEN_TO_ALL,
    RUNS,
    admin_doors,
    api_doors,
    list_actions,
)
from tests.access.people import ROLES, make_person, open_browser
from tests.admin.story import Story, tell_story
from tests.factories import SigningSecretFactory, SourceFactory
from webhooks.audit import Actor, record
from webhooks.models import AuditEntry, Replay, SavedView
from webhooks.operations.selection import Selection
from webhooks.operations.tokens import create_token

pytestmark = pytest.mark.django_db

EVERYONE = ("anonymous", *ROLES)
SOMEBODY = Actor(door=AuditEntry.Door.COMMAND, name="root")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is behind the doors."""

    story: Story
    ids: dict[str, Any]


@pytest.fixture
def scene() -> Scene:
    """Have a row of each kind, so that no door is shut for want of one."""
    story = tell_story()
    SigningSecretFactory.create(source=story.source)
    operator = make_person("operator", "owner-of-the-token")
    token = create_token(operator, "theirs", SOMEBODY).row
    Budget.objects.get_or_create(alias="crm")
    StripeCustomer.objects.create(scope="agent", uuid="a", customer_id="cus_1")
    StripeMeterEvent.objects.create(
        identifier="i",
        customer_id="cus_1",
        event_name="seconds",
        livemode=False,
        open_sends=1,
        created_at=timezone.now(),
    )
    for kept in SavedView.List:
        SavedView.objects.create(list=kept, name="everybody's", query="")
    record(AuditEntry.Action.PAUSE, SOMEBODY, story.source)
    run = Replay.objects.create(
        requested_from="command",
        reason="A test.",
        selection=Selection(event_ids=(story.ended.event_id,)).describe(),
    )
    ids = {
        "source_id": story.source.pk,
        "fingerprint": story.secret.fingerprint,
        "run_id": run.pk,
        "user_id": operator.pk,
        "id": operator.pk,
        "app_label": "webhooks",
        "slug": story.source.slug,
        "event_id": story.ended.event_id,
        "conversation_uuid": story.conversation.conversation_uuid,
        "auth.user": operator.pk,
        "auth.group": Group.objects.get(name="viewer").pk,
        # One that nothing came from can be deleted.
        "webhooks.source": SourceFactory.create().pk,
        "webhooks.apitoken": token.pk,
        "webhooks.replay": run.pk,
        "webhooks.event": story.ended.pk,
        "webhooks.effect": story.failed.pk,
        "integrations.budget": "crm",
    }
    return Scene(story, ids)


def find_id(scene: Scene, param: str, label: str) -> Any:
    """Return a value for a part of an address."""
    if param == "view_id":
        return SavedView.objects.get(list=label.partition(".")[2]).pk
    if param in scene.ids:
        return scene.ids[param]
    if label in scene.ids:
        return scene.ids[label]
    return apps.get_model(label)._default_manager.values_list("pk", flat=True).first()  # noqa: SLF001 -- documented API


def locate(scene: Scene, door: str) -> str:
    """Return the path of one of the admin's doors."""
    name, _, asked = door.partition("/")
    if name in {"find", "dashboard"}:
        return reverse(name)
    label = ".".join(name.split("_")[:2])
    if asked:
        key = find_id(scene, "", label)
        param = {"integrations_budget_ask": "deed"}.get(name, "name")
        return f"{reverse(f'admin:{name}', kwargs={param: asked})}?rows={key}"
    resolver = admin_resolver()
    parts = resolver.reverse_dict.getlist(name)[0][0][0][1]
    kwargs = {part: find_id(scene, part, label) for part in parts}
    if "_0" in kwargs:
        return reverse(f"admin:{name}", args=list(kwargs.values()))
    return reverse(f"admin:{name}", kwargs=kwargs)


def admin_resolver() -> Any:
    """Return what knows the admin's addresses."""
    return get_resolver().namespace_dict["admin"][1]


def judge(answer: Any, role: str) -> str:
    """Return in a word what an answer of the admin is."""
    where = answer.get("Location", "")
    if where.startswith("/admin/login/"):
        return "log in"
    # Django leads away from a row that somebody's list does not hold, and says nothing of it.
    if answer.status_code in {403, 404, 405} or (answer.status_code, where) == (302, "/admin/"):
        return "no"
    return "yes" if answer.status_code in {200, 302} else f"{answer.status_code} for {role}"


def expect(role: str, allowed: tuple[str, ...]) -> str:
    """Return in a word what the answer should be."""
    if role not in ROLES:
        return "log in"
    return "yes" if role in allowed else "no"


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done in the block: each door is tried as if it were the only one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_every_door_is_in_the_table() -> None:
    """A new page, action or address without a decision fails here."""
    assert admin_doors() == ADMIN.keys() | OPEN_TO_ALL
    assert list_actions() == ACTIONS.keys()
    assert api_doors() == API.keys() | API_OPEN_TO_ALL


@pytest.mark.parametrize("role", EVERYONE)
def test_page_opens_for_whom_it_should(scene: Scene, role: str) -> None:
    """By GET and by POST, for nobody else, and for nobody who is not logged in."""
    browser = open_browser(role)
    surprises = {}
    for name, door in ADMIN.items():
        path = locate(scene, name)
        for method, allowed in (("get", door.look), ("post", door.act)):
            with undone():
                answer = judge(getattr(browser, method)(path), role)
            if answer != expect(role, allowed):
                surprises[f"{method} {name}"] = answer
    assert surprises == {}


@pytest.mark.parametrize("role", EVERYONE)
def test_action_runs_for_whom_it_should(scene: Scene, role: str) -> None:
    """Sent as the list sends it, also to a list that does not offer it."""
    browser = open_browser(role)
    surprises = {}
    for action, allowed in ACTIONS.items():
        label, name = action.split()
        path = reverse(f"admin:{label.replace('.', '_')}_changelist")
        form = {"action": name, "_selected_action": [find_id(scene, "", label)]}
        with undone():
            answer = judge(browser.post(path, form), role)
        # To who may see the list and not run the action, Django says that none was chosen.
        if answer == "yes" and role not in allowed and name not in offered(label, role):
            answer = "no"
        if answer != expect(role, allowed):
            surprises[action] = answer
    assert surprises == {}


def offered(label: str, role: str) -> set[str]:
    """Return the actions that a list offers somebody of that role: Django runs no others."""
    request: Any = RequestFactory().get("/")
    request.user = User.objects.get(username=f"the-{role}")
    return set(admin.site._registry[apps.get_model(label)].get_actions(request))  # noqa: SLF001 -- there is no other way to ask


@pytest.mark.parametrize("role", EVERYONE)
def test_address_answers_whom_it_should(scene: Scene, role: str) -> None:
    """By a token of each role; without one it is a 401."""
    program = open_program(role)
    surprises = {}
    for door, allowed in API.items():
        method, name = door.split()
        body: dict[str, Any] = {"reason": "A test."}
        if name in {"replay-list", "replay-preview"}:
            body = {"action": "replay", "events": {"needs_people": True}}
            body |= {"reason": "A test."} if name == "replay-list" else {}
        with undone():
            path = locate_address(scene, name)
            status = ask(program, method, path, body)
        if (status in {401, 403}) != (role not in allowed) or status == 500:
            surprises[door] = status
    assert surprises == {}


def locate_address(scene: Scene, name: str) -> str:
    """Return the path of one of the API's addresses."""
    kind = name.partition("-")[0]
    keys = {"replay": scene.ids["run_id"], "integration": "crm"}
    parts = get_resolver().reverse_dict.getlist(name)[0][0][0][1]
    return reverse(
        name,
        kwargs={part: keys.get(kind) or find_id(scene, part, f"webhooks.{kind}") for part in parts},
    )


@pytest.mark.parametrize("role", EVERYONE)
def test_run_is_begun_for_whom_it_should(scene: Scene, role: str) -> None:
    """Whichever way it is asked for, doing again what succeeded takes more than the rest."""
    program = open_program(role)
    surprises = {}
    for (action, kind), allowed in RUNS.items():
        rows = {
            "events": {"event_ids": [str(scene.story.ended.event_id)]},
            "effects": {"ids": [scene.story.failed.pk]},
        }
        body = {"action": action, kind: rows[kind], "reason": "A test."}
        with undone():
            status = ask(program, "post", "/api/v1/replays/", body)
        if (status in {401, 403}) != (role not in allowed) or status in {400, 500}:
            surprises[action, kind] = status
    assert surprises == {}


def open_program(role: str) -> Client:
    """Return a program with a token of somebody of that role, or with none."""
    if role not in ROLES:
        return Client()
    value = create_token(make_person(role), "test", SOMEBODY).value
    return Client(headers={"Authorization": f"Bearer {value}"})


def ask(program: Client, method: str, path: str, body: dict[str, Any]) -> int:
    """Ask the API; return the status of its answer."""
    if method == "get":
        return program.get(path).status_code
    return program.post(path, body, content_type="application/json").status_code
