"""Who did what is in one list, without a secret, and nobody changes it."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.access.people import make_person, open_browser
from tests.commands.typed import type_command
from tests.factories import SigningSecretFactory, SourceFactory
from webhooks.audit import Actor, record
from webhooks.models import AuditEntry, Route, SigningSecret, Source

pytestmark = pytest.mark.django_db

LIST = "/admin/webhooks/auditentry/"


@pytest.fixture
def admin() -> Client:
    """Return an administrator's browser."""
    return open_browser("administrator")


def latest() -> AuditEntry:
    """Return what was written down last."""
    return AuditEntry.objects.latest("pk")


def test_changed_row_is_written_down_with_what_was_changed(admin: Client) -> None:
    """From what to what, by whom, from where, and to which row."""
    route = Route.objects.filter(is_active=True).first()
    assert route
    form = {"event_type": route.event_type, "integration": route.integration}
    form |= {"condition": route.condition}
    page = f"/admin/webhooks/route/{route.pk}/change/"
    assert admin.post(page, form, REMOTE_ADDR="192.0.2.4").status_code == 302
    entry = latest()
    assert (entry.action, entry.door, entry.actor_name) == ("changed", "admin", "the-administrator")
    assert (entry.subject_type, entry.subject_id) == ("webhooks.route", str(route.pk))
    assert entry.remote_address == "192.0.2.4"
    assert entry.detail.lower() == "active: yes → no"


def test_added_and_deleted_rows_are_written_down(admin: Client) -> None:
    """Also those of pages that know nothing of the list, such as the integrations'."""
    form = {"scope": "agent", "uuid": "agent-1", "customer_id": "cus_1", "note": ""}
    assert admin.post("/admin/integrations/stripecustomer/add/", form).status_code == 302
    added = latest()
    assert (added.action, added.subject_type) == ("added", "integrations.stripecustomer")
    page = f"/admin/integrations/stripecustomer/{added.subject_id}/delete/"
    assert admin.post(page, {"post": "yes"}).status_code == 302
    assert (latest().action, latest().subject_id) == ("deleted", added.subject_id)


def test_given_role_is_written_down(admin: Client) -> None:
    """Whoever makes somebody an administrator is found."""
    user = make_person("viewer", "vic")
    administrator = Group.objects.get(name="administrator")
    form = {"username": "vic", "is_active": "on", "is_staff": "on", "groups": [administrator.pk]}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert admin.post(f"/admin/auth/user/{user.pk}/change/", form).status_code == 302
    assert "Groups: added administrator; removed viewer" in latest().detail


def test_given_permission_is_named_among_many() -> None:
    """However many the role has: what is written down is what is new, and what is gone."""
    role = Group.objects.get(name="administrator")
    kept = list(role.permissions.exclude(codename="redo_effect"))
    gone = role.permissions.get(codename="redo_effect")
    page = f"/admin/auth/group/{role.pk}/change/"
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    form = {"name": role.name, "permissions": [permission.pk for permission in kept]}
    assert boss.post(page, form).status_code == 302
    assert latest().detail == f"Permissions: removed {gone}"
    form["permissions"] = [*form["permissions"], gone.pk]
    assert boss.post(page, form).status_code == 302
    assert latest().detail == f"Permissions: added {gone}"


def test_new_password_is_written_down_and_not_what_it_is(admin: Client) -> None:
    """Neither the old one nor the new one nor a hash."""
    user = make_person("viewer", "vic")
    form = {"password1": "new-and-long-enough", "password2": "new-and-long-enough"}
    form |= {"usable_password": "true"}
    assert admin.post(f"/admin/auth/user/{user.pk}/password/", form).status_code == 302
    assert latest().subject == "vic"
    details = " ".join(AuditEntry.objects.values_list("detail", flat=True))
    assert "long-enough" not in details
    user.refresh_from_db()
    assert user.password[:12] not in details


def test_secret_is_written_down_by_its_fingerprint(admin: Client) -> None:
    """Added and retired, in the admin and by the command."""
    secret = SigningSecretFactory.create(source__slug="line")
    page = f"/admin/webhooks/source/{secret.source_id}/secrets/add/"
    form = {"origin": "given", "secret": "what-the-sender-has-shown"}
    assert admin.post(page, form).status_code == 200
    added = latest()
    new = SigningSecret.objects.latest("pk")
    assert (added.action, added.detail) == ("secret_added", new.fingerprint)
    retire = f"/admin/webhooks/source/{secret.source_id}/secrets/{secret.fingerprint}/retire/"
    admin.post(retire)
    assert (latest().action, latest().detail) == ("secret_retired", secret.fingerprint)
    type_command("rotate_secret", "line")
    assert (latest().action, latest().door, latest().actor) == ("secret_added", "command", None)
    assert not AuditEntry.objects.filter(detail__contains="what-the-sender").exists()


def test_source_made_by_a_command_is_written_down() -> None:
    """With the name of the account on which it was typed."""
    type_command("create_source", "line")
    entries = AuditEntry.objects.filter(subject_type="webhooks.source", subject="line")
    assert list(entries.values_list("action", flat=True)) == ["secret_added", "added"]
    assert latest().actor_name


def test_history_of_a_row_is_the_list_of_what_was_done_to_it(admin: Client) -> None:
    """And of nothing else."""
    source, other = SourceFactory.create_batch(2)
    actor = Actor(door=AuditEntry.Door.COMMAND, name="root")
    for subject in (source, other):
        record(AuditEntry.Action.PAUSE, actor, subject, f"about {subject.slug}.")
    answer = admin.get(f"/admin/webhooks/source/{source.pk}/history/", follow=True)
    assert answer.redirect_chain[0][0] == f"{LIST}?done_to=webhooks.source:{source.pk}"
    assert f"about {source.slug}." in answer.text
    assert f"about {other.slug}." not in answer.text


def test_list_leads_to_what_was_done(admin: Client) -> None:
    """A row's subject is a link to its page, and kept when the row is gone."""
    source: Source = SourceFactory.create(slug="line")
    record(AuditEntry.Action.PAUSE, Actor(door=AuditEntry.Door.COMMAND, name="root"), source)
    assert f'href="/admin/webhooks/source/{source.pk}/change/"' in admin.get(LIST).text
    source.delete()
    assert "source line" in admin.get(LIST).text


@pytest.mark.parametrize(
    "query",
    ["action__exact=pause", "done_to=webhooks.source", "door__exact=command", "q=root"],
)
def test_list_is_narrowed(admin: Client, query: str) -> None:
    """By what was done, to what kind of thing, through which door, and by whom."""
    actor = Actor(door=AuditEntry.Door.COMMAND, name="root")
    record(AuditEntry.Action.PAUSE, actor, SourceFactory.create(), "the one")
    other = Actor(door=AuditEntry.Door.ADMIN, name="ann")
    record(AuditEntry.Action.LOGIN, other, detail="the other")
    page = admin.get(f"{LIST}?{query}").text
    assert "the one" in page
    assert "the other" not in page


def test_not_even_a_superuser_changes_the_list() -> None:
    """There is a page to read an entry, and none to add, change or delete one."""
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    entry = record(AuditEntry.Action.LOGIN, Actor(door=AuditEntry.Door.ADMIN, name="ann"))
    page = f"{LIST}{entry.pk}"
    assert client.get(f"{page}/change/").status_code == 200
    for path in (f"{page}/change/", f"{page}/delete/", f"{LIST}add/"):
        assert client.post(path, {"post": "yes", "actor_name": "bob"}).status_code == 403
    assert latest().actor_name == "ann"


def test_account_that_is_gone_stays_in_the_list() -> None:
    """By the name that it had."""
    user = make_person("operator", "ann")
    record(AuditEntry.Action.PAUSE, Actor(door=AuditEntry.Door.ADMIN, name="ann", user=user))
    user.delete()
    assert (latest().actor, latest().actor_name) == (None, "ann")
