"""Each door to putting something right, as each role and by its direct address."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import Budget
from tests.access.people import open_browser
from tests.admin.pages import address, list_of
from tests.admin.story import Story
from webhooks.models import Effect, Event, Replay, Source

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

OPERATORS = {"operator", "administrator"}
ADMINISTRATORS = {"administrator"}

ROLES = ("nobody", "viewer", "operator", "administrator")

DOORS = {
    "replay_one": OPERATORS,
    "close_one of an event": OPERATORS,
    "retry_one": OPERATORS,
    "close_one of an effect": OPERATORS,
    "redo_one": ADMINISTRATORS,
    "replay of a list": OPERATORS,
    "close of a list of events": OPERATORS,
    "retry of a list": OPERATORS,
    "close of a list of effects": OPERATORS,
    "redo of a list": ADMINISTRATORS,
    "pause of a source": OPERATORS,
    "resume of a source": OPERATORS,
    "pause of an integration": OPERATORS,
    "resume of an integration": OPERATORS,
    "pause of integrations": OPERATORS,
    "resume of integrations": OPERATORS,
}


@pytest.fixture
def paths(story: Story, dead: Event) -> dict[str, str]:
    """Return the addresses of the doors."""
    done = Effect.objects.filter(state="succeeded")[0]
    Budget.objects.get_or_create(alias="crm")
    source = Source.objects.get(slug="calls")
    return {
        "replay_one": address(Event, "replay_one", dead.pk),
        "close_one of an event": address(Event, "close_one", dead.pk),
        "retry_one": address(Effect, "retry_one", story.failed.pk),
        "close_one of an effect": address(Effect, "close_one", story.failed.pk),
        "redo_one": address(Effect, "redo_one", done.pk),
        "replay of a list": f"{address(Event, 'ask', 'replay')}?select_across=1",
        "close of a list of events": f"{address(Event, 'ask', 'close')}?rows={dead.pk}",
        "retry of a list": f"{address(Effect, 'ask', 'retry')}?select_across=1",
        "close of a list of effects": f"{address(Effect, 'ask', 'close')}?rows={story.failed.pk}",
        "redo of a list": f"{address(Effect, 'ask', 'redo')}?rows={done.pk}",
        "pause of a source": address(Source, "pause", source.pk),
        "resume of a source": address(Source, "resume", source.pk),
        "pause of an integration": address(Budget, "pause_one", "crm"),
        "resume of an integration": address(Budget, "resume_one", "crm"),
        "pause of integrations": f"{address(Budget, 'ask', 'pause')}?rows=crm",
        "resume of integrations": f"{address(Budget, 'ask', 'resume')}?rows=crm",
    }


def count_acts() -> list[int]:
    """Return what would be more if something had been done."""
    return [
        Replay.objects.count(),
        Source.objects.exclude(paused_at=None).count(),
        Budget.objects.exclude(paused_at=None).count(),
    ]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("role", ROLES)
def test_door_opens_to_those_who_may(role: str, door: str, paths: dict[str, str]) -> None:
    """The question and its answer are refused to others with 403, and nothing is done."""
    client = open_browser(role)
    if role == "nobody":
        user = User.objects.create_user("nobody", is_staff=True)
        client.force_login(user)
    before = count_acts()
    may = role in DOORS[door]
    assert client.get(paths[door]).status_code == (200 if may else 403)
    sent = {"reason": "r", "request_key": "0" * 32, "last_key": "99999", "number": "1"}
    status = client.post(paths[door], sent).status_code
    assert status == (302 if may else 403)
    if not may:
        assert count_acts() == before


LIST_ACTIONS = {
    (Event, "replay_chosen"): OPERATORS,
    (Event, "close_chosen"): OPERATORS,
    (Effect, "retry_chosen"): OPERATORS,
    (Effect, "close_chosen"): OPERATORS,
    (Effect, "redo_chosen"): ADMINISTRATORS,
    (Budget, "pause_selected"): OPERATORS,
    (Budget, "resume_selected"): OPERATORS,
}


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_actions_of_lists_are_for_those_who_may(role: str, paths: dict[str, str]) -> None:
    """They are not offered to others, and one that is sent all the same is refused."""
    assert paths
    client = open_browser(role)
    for (model, action), allowed in LIST_ACTIONS.items():
        may = role in allowed
        assert (f'value="{action}"' in client.get(list_of(model)).text) == may
        row = model._default_manager.all()[0]  # noqa: SLF001 -- documented API
        sent = {"action": action, "_selected_action": row.pk, "select_across": "0"}
        assert client.post(list_of(model), sent).status_code == (302 if may else 403)


def test_a_request_without_csrf_token_is_refused(paths: dict[str, str]) -> None:
    """Another site cannot have somebody's browser do anything."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("eve"))
    before = count_acts()
    for path in (*paths.values(), *list_paths()):
        assert client.post(path, {"reason": "r"}).status_code == 403
    assert count_acts() == before


def list_paths() -> Iterator[str]:
    """Yield the addresses of the lists, and of a run's end."""
    yield from {list_of(model) for model, _ in LIST_ACTIONS}
    yield reverse("admin:webhooks_replay_stop_one", args=[Replay.objects.latest("pk").pk])
