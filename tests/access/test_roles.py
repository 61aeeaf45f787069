"""The migration's roles, and how they are given."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection

from tests.access.people import ROLES, open_browser

pytestmark = pytest.mark.django_db

roles = importlib.import_module("webhooks.migrations.0010_roles")


def permissions_of(role: str) -> set[str]:
    """Return the role's permissions as `user.has_perm` names them."""
    rows = Permission.objects.filter(group__name=role)
    return {
        f"{app}.{name}" for app, name in rows.values_list("content_type__app_label", "codename")
    }


def test_each_role_has_all_that_the_one_before_has() -> None:
    """A viewer, an operator and an administrator, made by the migration."""
    viewer, operator, administrator = map(permissions_of, ROLES)
    assert viewer
    assert viewer < operator < administrator


def test_viewer_only_views() -> None:
    """Nothing but view permissions, and neither payload nor people are among them."""
    names = {name.partition(".")[2] for name in permissions_of("viewer")}
    assert all(name.startswith("view_") for name in names)
    assert not names & {"view_payload", "view_user", "view_group", "view_auditentry"}


def test_only_administrators_do_again_what_succeeded() -> None:
    """Nor does an operator set up sources, or see who did what."""
    for name in ("webhooks.redo_effect", "webhooks.change_source", "webhooks.view_auditentry"):
        assert [role for role in ROLES if name in permissions_of(role)] == ["administrator"]


def test_role_that_people_have_changed_stays_so() -> None:
    """To run the migration again puts back only a role that is gone."""
    viewer = Group.objects.get(name="viewer")
    viewer.permissions.clear()
    Group.objects.get(name="operator").delete()
    with connection.schema_editor() as editor:
        roles.create_roles(apps, editor)
    assert permissions_of("viewer") == set()
    assert "webhooks.replay_event" in permissions_of("operator")


def test_administrator_gives_a_role_on_the_page_that_adds_somebody() -> None:
    """The new account is one of the staff, and is in the audit list with its name."""
    operator = Group.objects.get(name="operator")
    form = {
        "username": "new",
        "usable_password": "true",
        "password1": "long-enough-for-anybody",
        "password2": "long-enough-for-anybody",
        "is_staff": "on",
        "groups": [operator.pk],
    }
    assert open_browser("administrator").post("/admin/auth/user/add/", form).status_code == 302
    user = User.objects.get(username="new")
    assert user.has_perm("webhooks.replay_event")
    assert user.is_staff


def test_administrator_cannot_make_superusers_of_anybody() -> None:
    """What is sent for it is passed over, and superusers' own pages take nothing."""
    admin = open_browser("administrator")
    me = User.objects.get(username="the-administrator")
    boss = User.objects.create_superuser("boss", password="boss-and-long-enough")
    form = {"username": me.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert admin.post(f"/admin/auth/user/{me.pk}/change/", form).status_code == 302
    me.refresh_from_db()
    assert not me.is_superuser
    password = {"password1": "mine-now-and-long", "password2": "mine-now-and-long"}
    assert admin.post(f"/admin/auth/user/{boss.pk}/password/", password).status_code == 403
    assert admin.post(f"/admin/auth/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    boss.refresh_from_db()
    assert boss.check_password("boss-and-long-enough")
