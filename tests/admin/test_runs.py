"""A run's page: how far it is, how it is stopped, and the record that it ends as."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.access.people import open_browser
from tests.admin.pages import address, answer, choose, list_of, page_of
from tests.admin.story import Story
from tests.factories import EffectFactory
from webhooks.models import AuditEntry, Effect, Event, Replay
from webhooks.operations.claims import claim_run
from webhooks.operations.runs import carry_out

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The help desk has the form now."


def ask_for_retry(client: Client, story: Story) -> Replay:
    """Have an effect retried from its page, and return the run, which nobody has begun."""
    answer(client, address(Effect, "retry_one", story.failed.pk), WHY)
    return Replay.objects.get(reason=WHY)


def look(client: Client, run: Replay) -> str:
    """Return the part of the run's page that its script asks for."""
    return client.get(reverse("admin:webhooks_replay_progress", args=[run.pk])).text


def make_run(**values: Any) -> Replay:
    """Return a run of effects."""
    selection = {"rows": "effects"}
    return Replay.objects.create(
        **{"action": "retry", "reason": "r", "requested_from": "admin", "selection": selection}
        | values
    )


def test_a_run_is_followed_and_ends_as_its_record(operator: Client, story: Story) -> None:
    """Waiting, under way with how many of how many, finished; and what its rows are by then."""
    run = ask_for_retry(operator, story)
    html = operator.get(page_of(run)).text
    assert "Waiting for a worker" in html
    assert 'data-refresh="2"' in html
    Replay.objects.filter(pk=run.pk).update(state="running", found=4000, looked_at=1000)
    part = look(operator, run)
    assert "Under way" in part
    assert "1,000 of 4,000 dealt with" in part
    assert 'value="25"' in part
    trouble = "Tried 3 times without getting on, last: QueryCanceled"
    Replay.objects.filter(pk=run.pk).update(found=1, looked_at=0, error=trouble)
    assert f"{trouble}. It is tried again by itself" in look(operator, run)
    carry_out(run)
    html = operator.get(page_of(run)).text
    for told in ("Finished", "1 of 1 dealt with", WHY, "1 marked", "vic", "1 pending"):
        assert told in html
    assert f"{list_of(Effect)}?replay__id__exact={run.pk}&amp;state__exact=pending" in html
    listed = operator.get(f"{list_of(Effect)}?replay__id__exact={run.pk}").context["cl"].queryset
    assert list(listed) == [story.failed]


def test_the_page_rests_when_nothing_is_under_way_any_more(staff: Client, story: Story) -> None:
    """It is asked for again while its rows are worked on, for an hour at most."""
    run = make_run(state="finished", finished_at=timezone.now())
    assert "data-refresh" not in look(staff, run)
    effect = EffectFactory.create(
        event=story.failed.event, conversation=story.conversation, replay=run
    )
    assert 'data-refresh="5"' in look(staff, run)
    Replay.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(hours=2))
    assert "data-refresh" not in look(staff, run)
    Effect.objects.filter(pk=effect.pk).update(state="dead")
    assert "1 dead" in look(staff, run)


def test_a_run_that_waits_is_stopped_at_once(operator: Client, story: Story) -> None:
    """Its record says who; the audit list says why, too."""
    run = ask_for_retry(operator, story)
    path = address(Replay, "stop_one", run.pk)
    assert f'href="{path}"' in operator.get(page_of(run)).text
    assert "Stop it" in operator.get(path).text
    assert operator.post(path, {"reason": "Wrong ones."}).headers["Location"] == page_of(run)
    run.refresh_from_db()
    assert (run.state, run.stopped_by) == ("stopped", User.objects.get(username="vic"))
    html = operator.get(page_of(run)).text
    assert "Stopped" in html
    assert "By vic. What was done by then stays so." in html
    assert path not in html
    entry = AuditEntry.objects.get(action="stop")
    assert (entry.actor_name, entry.detail) == ("vic", "After 0 rows. Wrong ones.")
    story.failed.refresh_from_db()
    assert story.failed.state == "failed"


def test_a_run_under_way_is_stopped_after_its_batch(operator: Client, story: Story) -> None:
    """The page says so until it is; to ask twice changes nothing."""
    run = ask_for_retry(operator, story)
    assert claim_run(run.pk)
    path = address(Replay, "stop_one", run.pk)
    operator.post(path, {"reason": ""})
    assert "It ends as soon as the rows that are just being dealt with" in look(operator, run)
    assert "It has ended, or is being stopped already." in operator.get(path).text
    response = operator.post(path, {"reason": ""}, follow=True)
    assert "was being stopped already" in response.text
    assert AuditEntry.objects.filter(action="stop").count() == 1


def test_a_run_that_failed_says_what_to_do(staff: Client) -> None:
    """And what it said, which holds nothing of a row."""
    run = make_run(state="failed", error="KeyError", finished_at=timezone.now())
    html = look(staff, run)
    assert "Tell whoever runs Switchboard; then ask for it again. It said: KeyError" in html


@pytest.mark.parametrize(
    ("action", "rows", "role", "may"),
    [
        ("replay", "events", "viewer", False),
        ("replay", "events", "operator", True),
        ("closing", "events", "operator", True),
        ("closing", "effects", "viewer", False),
        ("retry", "effects", "operator", True),
        ("redo", "effects", "operator", False),
        ("redo", "effects", "administrator", True),
    ],
)
def test_a_run_is_stopped_by_those_who_may_ask_for_one(
    action: str, rows: str, role: str, *, may: bool
) -> None:
    """By its address, too, to look at and to send."""
    run = make_run(action=action, selection={"rows": rows})
    client = open_browser(role)
    path = address(Replay, "stop_one", run.pk)
    assert (path in client.get(page_of(run)).text) == may
    assert client.get(path).status_code == (200 if may else 403)
    assert client.post(path, {"reason": ""}).status_code == (302 if may else 403)
    run.refresh_from_db()
    assert run.is_stopping == may


def test_runs_are_found_by_what_they_are_and_who_asked(staff: Client) -> None:
    """By action, state and person, somebody without an account among them."""
    ada = User.objects.get(username="ada")
    hers = make_run(requested_by=ada, state="finished")
    nobodys = make_run(action="closing", requested_from="command, root", state="running")

    def find(**query: str) -> set[Any]:
        return set(staff.get(list_of(Replay), query).context["cl"].queryset)

    assert find(who=str(ada.pk)) == {hers}
    assert find(who="x") == set()
    assert nobodys in find(who="none")
    assert hers not in find(who="none")
    assert find(action__exact="closing") == {nobodys}
    assert find(state__exact="running") == {nobodys}
    html = staff.get(list_of(Replay)).text
    for told in ("0 dealt with", "command, root", "ada", "running"):
        assert told in html


def test_who_may_not_see_rows_is_told_nothing_of_them(story: Story) -> None:
    """Neither how many there are nor where they are listed."""
    run = make_run(state="finished", finished_at=timezone.now())
    Event.objects.filter(pk=story.ended.pk).update(replay=run)
    client = open_browser("viewer")
    assert "Its events" in look(client, run)
    user = User.objects.get(username="the-viewer")
    user.groups.clear()
    user.user_permissions.add(Permission.objects.get(codename="view_replay"))
    assert "Its events" not in look(client, run)
    user.user_permissions.clear()
    path = reverse("admin:webhooks_replay_progress", args=[run.pk])
    assert client.get(path).status_code == 403


def test_an_unknown_run_is_not_found(staff: Client) -> None:
    """Neither its page, nor its progress, nor a way to stop it."""
    for name in ("progress", "stop_one"):
        assert staff.get(address(Replay, name, 987654321)).status_code == 404
    assert staff.get(address(Replay, "stop_one", "x")).status_code == 404


def test_choosing_many_leads_to_a_run(staff: Client, story: Story) -> None:
    """The record tells how they were chosen."""
    path = choose(staff, "close", story.failed, across="1", query="?integration__exact=tickets")
    answer(staff, path, WHY)
    html = staff.get(page_of(Replay.objects.get(reason=WHY))).text
    assert "integration: tickets" in html
