"""Lists under a name: built in, everybody's and one's own."""

from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from tests.admin.pages import address, every_model, list_of
from tests.admin.story import Story
from tests.factories import EffectFactory, EventFactory
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.saved_views import Views
from webhooks.models import AuditEntry, Effect, Event, SavedView

pytestmark = pytest.mark.usefixtures("story")

LISTS = [
    model
    for model in every_model()
    if model._meta.model_name in SavedView.List.values  # noqa: SLF001 -- documented API
]


@pytest.fixture
def keeper(viewer: Client) -> Client:
    """Return a browser of somebody who may look, and keep views of their own."""
    allow(User.objects.get(username="vic"), "add_savedview")
    return viewer


def allow(user: User, codename: str) -> None:
    """Give somebody a permission."""
    user.user_permissions.add(Permission.objects.get(codename=codename))


def read_views(client: Client, model: type[Model], query: str = "") -> Views:
    """Return what stands above a list."""
    views: Views = client.get(list_of(model) + query).context["views"]
    return views


def keep(client: Client, query: str, name: str = "Mine", **more: str) -> int:
    """Keep a view of the list of effects, as its form does; return the answer's status."""
    sent = {"name": name, "query": query, **more}
    return client.post(address(Effect, "save_view"), sent).status_code


@pytest.mark.parametrize("model", LISTS)
def test_built_in_view_counts_what_its_list_shows(staff: Client, model: type[Model]) -> None:
    """Each leads to its rows, is marked as the present one there, and their number is right."""
    EventFactory.create(status="held")
    EffectFactory.create(state="pending")
    EffectFactory.create_batch(2, state="dead", finished_at=datetime.now(UTC))
    offered = admin.site._registry[model].built_in_views  # type: ignore[attr-defined] # noqa: SLF001
    shown = read_views(staff, model).shown
    assert [view.name for view in shown] == ["All", *(view.name for view in offered)]
    for view in shown[1:]:
        response = staff.get(view.url)
        assert str(response.context["cl"].result_count) == view.count, view
        current = [item.name for item in response.context["views"].shown if item.is_current]
        assert current == [view.name]


def test_some_built_in_views_have_rows_in_the_story(staff: Client) -> None:
    """The test above compares more than zeros."""
    counts = {
        view.name: view.count
        for model in LISTS
        for view in read_views(staff, model).shown
        if view.count not in ("", "0")
    }
    assert {"Needs attention", "With a failed effect", "Conflicts", "Turned away"} <= counts.keys()


def test_today_is_the_viewers_day(staff: Client) -> None:
    """What failed at eleven at night in New York is of another day in Berlin."""
    EffectFactory.create(state="dead", finished_at=datetime(2026, 7, 2, 3, tzinfo=UTC))
    with time_machine.travel(datetime(2026, 7, 2, 10, tzinfo=UTC), tick=False):
        counts = {}
        for zone in ("Europe/Berlin", "America/New_York"):
            staff.force_login(User.objects.get(username="ada"))
            staff.cookies["timezone"] = zone
            views = read_views(staff, Effect).shown
            counts[zone] = next(view.count for view in views if view.name == "Failed on CRM today")
    assert counts == {"Europe/Berlin": "1", "America/New_York": "0"}


def test_own_view_is_kept_opened_and_deleted(keeper: Client) -> None:
    """From the list as it is filtered now, and each step is in the audit list."""
    views = read_views(keeper, Effect, "?state__exact=dead&integration__exact=crm&q=x&before=7")
    assert keep(keeper, unescape(views.query)) == 302
    (view,) = [view for view in read_views(keeper, Effect).shown if view.name == "Mine"]
    assert parse_qs(urlsplit(view.url).query) == {
        "state__exact": ["dead"],
        "integration__exact": ["crm"],
    }
    assert keeper.get(view.url).status_code == 200
    assert keeper.post(view.delete_url).status_code == 302
    assert not SavedView.objects.exists()
    acts = AuditEntry.objects.filter(subject_type="webhooks.savedview").order_by("pk")
    assert list(acts.values_list("action", "actor_name", "subject")) == [
        ("added", "vic", "Mine"),
        ("deleted", "vic", "Mine"),
    ]


def test_view_of_the_same_name_is_replaced(keeper: Client) -> None:
    """Nobody has to delete one to change it."""
    keep(keeper, "state__exact=dead")
    keep(keeper, "state__exact=failed")
    assert SavedView.objects.get().query == "state__exact=failed"


def test_view_is_its_owners_alone(keeper: Client, staff: Client) -> None:
    """Nobody else sees it, and nobody else can delete it."""
    keep(keeper, "state__exact=dead")
    assert "Mine" not in [view.name for view in read_views(staff, Effect).shown]
    path = address(Effect, "delete_view", SavedView.objects.get().pk)
    assert staff.post(path).status_code == 404
    assert SavedView.objects.exists()


def test_shared_view_is_everybodys_and_an_administrators_to_change(
    staff: Client, keeper: Client
) -> None:
    """Others open it, and can neither share one nor delete it."""
    assert keep(staff, "state__exact=dead", "Ours", is_shared="on") == 302
    (view,) = [view for view in read_views(keeper, Effect).shown if view.name == "Ours"]
    assert view.is_shared
    assert view.delete_url == ""
    path = address(Effect, "delete_view", SavedView.objects.get().pk)
    assert keeper.post(path).status_code == 403
    assert keep(keeper, "state__exact=failed", "Ours", is_shared="on") == 403
    assert SavedView.objects.get().query == "state__exact=dead"
    assert staff.post(path).status_code == 302
    assert not SavedView.objects.exists()


def test_who_may_not_keep_views_is_offered_none_and_refused(viewer: Client) -> None:
    """A form that is sent all the same keeps nothing."""
    assert read_views(viewer, Effect, "?state__exact=dead").save_url == ""
    assert keep(viewer, "state__exact=dead") == 403
    assert not SavedView.objects.exists()


def test_who_may_not_see_the_list_keeps_no_view_of_it() -> None:
    """Nor learns from the answer whether there is one."""
    user = User.objects.create_user("nil", is_staff=True)
    allow(user, "add_savedview")
    client = Client()
    client.force_login(user)
    assert keep(client, "state__exact=dead") == 403
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "reason__startswith=a",
        "event__body__contains=a",
        "conversation__from_number=%2B49",
        "request__subject__startswith=a",
        "state__exact=dead&replay__requested_by__password__startswith=a",
        "q=%2B4915112345678",
        "",
        "before=7",
        "%00=1",
        "state__exact=%00",
    ],
)
def test_view_is_no_way_to_another_lookup(staff: Client, query: str) -> None:
    """What no filter offers is not kept, nor what was searched for."""
    assert keep(staff, query) == 302
    assert not SavedView.objects.exists()


def test_view_whose_filter_is_gone_leads_nowhere(staff: Client) -> None:
    """It can be deleted, and the list opens."""
    user = User.objects.get(username="ada")
    SavedView.objects.create(list="effect", name="Old", query="lease__exact=1", owner=user)
    (view,) = [view for view in read_views(staff, Effect).shown if view.name == "Old"]
    assert view.url == ""
    assert staff.post(view.delete_url).status_code == 302


@pytest.mark.parametrize("sent", [{"name": ""}, {"name": "x" * 61}, {"name": "a\0b"}])
def test_view_without_a_proper_name_is_not_kept(staff: Client, sent: dict[str, str]) -> None:
    """The list says so."""
    path = address(Effect, "save_view")
    response = staff.post(path, {"query": "state__exact=dead", **sent}, follow=True)
    assert "Give the view a name" in response.text
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("page", ["save_view", "delete_view"])
def test_link_keeps_and_deletes_nothing(staff: Client, page: str) -> None:
    """Only a form does."""
    view = SavedView.objects.create(list="effect", name="Ours", query="state__exact=dead")
    arguments = [view.pk] if page == "delete_view" else []
    assert staff.get(address(Effect, page, *arguments)).status_code == 403
    assert SavedView.objects.count() == 1


def test_views_are_shown_with_their_counts(staff: Client, story: Story) -> None:
    """As links that say so, the present one marked."""
    assert story
    html = " ".join(staff.get(list_of(Event), {"failed_effect": "any"}).text.split())
    assert 'aria-current="page">With a failed effect <span class="sb-count">1</span>' in html


def test_every_list_of_that_kind_has_views() -> None:
    """The model's choices are the lists that there are."""
    assert {model._meta.model_name for model in LISTS} == set(SavedView.List.values)  # noqa: SLF001
    assert all(isinstance(admin.site._registry[model], ReadOnlyAdmin) for model in LISTS)  # noqa: SLF001
