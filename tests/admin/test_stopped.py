"""What failed or is dead is found, and retried or closed by those who may, for a reason."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.admin.pages import address, choose, list_of, page_of, read_shown
from tests.admin.story import Story
from tests.factories import EffectFactory, EventFactory
from tests.workers import process_all, run_due
from webhooks.admin.effects import EffectAdmin
from webhooks.admin.events import EventAdmin
from webhooks.models import Effect, Event, Replay

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The help desk has the form now."


def test_marked_effects_are_retried_for_a_reason(operator: Client, story: Story) -> None:
    """First it says what would happen to each; then who, why and what are in one record."""
    done = Effect.objects.filter(state="succeeded")[0]
    asked = choose(operator, "retry_chosen", story.failed, done)
    assert "Tickets: tried again</td><td>1<" in asked
    assert "Left alone: done</td><td>1<" in asked
    assert not Replay.objects.filter(action="retry").exists()
    said = choose(operator, "retry_chosen", story.failed, done, reason=WHY)
    assert "1 effect to be tried again: see " in said
    record = Replay.objects.get(action="retry")
    assert (record.reason, record.person) == (WHY, "vic")
    assert (record.requested_from, record.selection) == ("admin", {"effects": 2})
    assert (record.effects_to_run, record.effects_kept) == (1, 1)
    key = story.failed.idempotency_key
    story.failed.refresh_from_db()
    assert (story.failed.state, story.failed.idempotency_key) == ("pending", key)
    assert story.failed.replay == record
    assert run_due() == 1
    assert WHY in operator.get(page_of(story.failed)).text


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501])
@pytest.mark.parametrize("action", ["retry_chosen", "close_chosen"])
def test_nothing_happens_without_a_reason(
    operator: Client, story: Story, dead: Event, action: str, reason: str | None
) -> None:
    """The question is asked again, and no row is changed or written."""
    for row in (story.failed, dead):
        more = {} if reason is None else {"reason": reason}
        assert "Why?" in choose(operator, action, row, **more)
        before = type(row).objects.filter(pk=row.pk).values()
        row.refresh_from_db()
        assert before.get()["replay_id"] is None
    assert (story.failed.state, dead.status) == ("failed", "dead")


def test_marked_events_are_retried_with_their_effects(
    operator: Client, story: Story, dead: Event
) -> None:
    """One that is dead, one whose ticket was refused; one that is done is left alone."""
    done = Event.objects.filter(status="processed").exclude(pk=story.failed.event_id)[0]
    rows = (dead, story.failed.event, done)
    asked = choose(operator, "retry_chosen", *rows)
    assert "Events: processed again</td><td>2<" in asked
    assert "Effects: tried again, since they failed or are dead</td><td>1<" in asked
    assert "none of its effects failed or is dead</td><td>1<" in asked
    assert "2 events to be processed again: see " in choose(
        operator, "retry_chosen", *rows, reason=WHY
    )
    record = Replay.objects.get(reason=WHY)
    assert (record.action, record.events, record.person) == (
        "replay",
        2,
        "vic",
    )
    done.refresh_from_db()
    assert done.status == "processed"
    process_all([dead, story.failed.event])
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
    story.failed.refresh_from_db()
    assert (story.failed.state, story.failed.replay) == ("succeeded", record)


def test_closed_rows_wait_for_nobody(operator: Client, story: Story, dead: Event) -> None:
    """They say who closed them and why, and are in no list of what needs people any more."""
    for row in (story.failed, dead):
        assert "still be retried later" in choose(operator, "close_chosen", row)
        assert "1 e" in choose(operator, "close_chosen", row, reason="The caller hung up.")
        page = operator.get(page_of(row)).text
        assert "Closed by vic: The caller hung up." in page
        needing = operator.get(list_of(type(row)), {"needs": "people"})
        assert list(needing.context["cl"].result_list) == []
    assert [*Replay.objects.filter(action="closing").values_list("events", "effects_closed")] == [
        (1, 0),
        (0, 1),
    ]
    choose(operator, "retry_chosen", story.failed, reason=WHY)
    story.failed.refresh_from_db()
    assert story.failed.state == "pending"


def test_page_of_a_stopped_row_offers_both(operator: Client, story: Story, dead: Event) -> None:
    """A look at the question changes nothing; what is sent with a reason does."""
    for row in (story.failed, dead):
        html = operator.get(page_of(row)).text
        for action in ("retry_one", "close_one"):
            path = address(type(row), action, row.pk)
            assert f'href="{path}"' in html
            asked = operator.get(path, {"reason": WHY})
            assert asked.status_code == 200
            assert "Why?" in asked.text
        assert not Replay.objects.filter(reason=WHY).exists()
        response = operator.post(path, {"reason": WHY}, follow=True)
        assert response.redirect_chain == [(page_of(row), 302)]
        assert f"Closed by vic: {WHY}" in response.text
        Replay.objects.filter(reason=WHY).delete()


def test_page_of_a_row_that_is_well_offers_neither(operator: Client) -> None:
    """And the question, asked by its address, has nothing to confirm."""
    for row in (
        Effect.objects.filter(state="succeeded")[0],
        Event.objects.filter(event_type="conversation.started")[0],
    ):
        path = address(type(row), "retry_one", row.pk)
        assert path not in operator.get(page_of(row)).text
        assert "There is nothing to do here." in operator.get(path).text
        operator.post(path, {"reason": WHY})
    assert not Replay.objects.filter(reason=WHY).exists()


def test_who_may_only_look_can_neither_retry_nor_close(
    viewer: Client, story: Story, dead: Event
) -> None:
    """Nothing is offered, and what is sent all the same is refused."""
    for row in (story.failed, dead):
        assert "retry_chosen" not in viewer.get(list_of(type(row))).text
        for action in ("retry", "close"):
            path = address(type(row), f"{action}_one", row.pk)
            assert path not in viewer.get(page_of(row)).text
            assert viewer.get(path).status_code == 403
            assert viewer.post(path, {"reason": WHY}).status_code == 403
            choose(viewer, f"{action}_chosen", row, reason=WHY)
        row.refresh_from_db()
    assert (story.failed.state, dead.status) == ("failed", "dead")
    assert not Replay.objects.filter(reason=WHY).exists()


def test_a_request_without_csrf_token_is_refused(story: Story, dead: Event) -> None:
    """Another site cannot have somebody's browser retry or close anything."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("eve"))
    for row in (story.failed, dead):
        for path in (list_of(type(row)), address(type(row), "close_one", row.pk)):
            sent = {"action": "close_chosen", "_selected_action": row.pk, "reason": WHY}
            assert client.post(path, sent).status_code == 403
    assert not Replay.objects.filter(reason=WHY).exists()


def test_an_unknown_row_is_not_found(operator: Client) -> None:
    """Neither by a key that nobody has, nor by what is none."""
    for key in (987654321, "x"):
        assert operator.get(address(Effect, "retry_one", key)).status_code == 404


def test_all_that_match_are_retried_as_far_as_a_request_goes(
    operator: Client, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the list's filter, beyond its page; what is left is said, and taken the next time."""
    monkeypatch.setattr(EffectAdmin, "most", 60)
    event = story.failed.event
    EffectFactory.create_batch(
        70, event=event, conversation=story.conversation, integration="usage", state="dead"
    )
    chosen = {"across": "1", "query": "?state__exact=dead"}
    asked = choose(operator, "retry_chosen", story.failed, **chosen)
    assert "Usage: tried again</td><td>60<" in asked
    assert "These are the first 60 of them." in asked
    assert "or have manage.py retry_effects --state dead --reason … do all." in asked
    shown = read_shown(asked)
    choose(operator, "retry_chosen", story.failed, reason=WHY, shown=shown, **chosen)
    assert Effect.objects.filter(state="dead").count() == 10
    shown = read_shown(choose(operator, "retry_chosen", story.failed, **chosen))
    choose(operator, "retry_chosen", story.failed, reason=WHY, shown=shown, **chosen)
    assert Effect.objects.filter(state="dead").count() == 0
    story.failed.refresh_from_db()
    assert story.failed.state == "failed"


def test_of_all_events_only_those_that_stopped_are_meant(
    operator: Client, dead: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has everything processed again by marking a whole list."""
    monkeypatch.setattr(EventAdmin, "most", 5)
    EventFactory.create_batch(7, status="processed")
    asked = choose(operator, "retry_chosen", dead, across="1")
    assert "Events: processed again</td><td>1<" in asked
    assert "only those that failed or are dead are meant" in asked


def test_retry_of_an_event_takes_the_right_to_retry_effects(
    viewer: Client, story: Story, dead: Event
) -> None:
    """Since its effects are retried with it; to close it does not."""
    user = User.objects.get(username="vic")
    user.user_permissions.add(Permission.objects.get(codename="change_event"))
    for row in (dead, story.failed.event):
        path = address(Event, "retry_one", row.pk)
        assert path not in viewer.get(page_of(row)).text
        assert viewer.post(path, {"reason": WHY}).status_code == 403
        choose(viewer, "retry_chosen", row, reason=WHY)
    assert not Replay.objects.filter(reason=WHY).exists()
    assert address(Event, "close_one", dead.pk) in viewer.get(page_of(dead)).text
    choose(viewer, "close_chosen", dead, reason=WHY)
    dead.refresh_from_db()
    assert dead.status == "closed"


def test_who_may_see_no_records_is_told_who_and_why_without_a_link(
    operator: Client, story: Story, dead: Event
) -> None:
    """On the row that it concerns, and by the message that it is done."""
    user = User.objects.get(username="vic")
    user.user_permissions.remove(Permission.objects.get(codename="view_replay"))
    for row in (story.failed, dead):
        said = choose(operator, "close_chosen", row, reason=WHY)
        page = operator.get(page_of(row)).text
        record = Replay.objects.latest("pk")
        assert f"closed: see closing {record.pk}." in said
        assert f"Closed by vic: {WHY}" in page
        assert page.count(WHY) == 2
        assert page_of(record) not in said + page


def test_lists_show_what_needs_people(staff: Client, story: Story, dead: Event) -> None:
    """Failed and dead beside each other, and nothing else."""
    failed = EventFactory.create(status=Event.Status.FAILED, error="Not JSON.")
    late = EffectFactory.create(state="dead", event=failed, conversation=story.conversation)
    for model, rows in ((Event, {failed, dead}), (Effect, {late, story.failed})):
        listed = staff.get(list_of(model), {"needs": "people"}).context["cl"].result_list
        assert set(listed) == rows


def test_dead_event_tells_what_went_wrong_and_what_to_do(staff: Client, dead: Event) -> None:
    """By the error's class, with how often it was tried."""
    html = staff.get(page_of(dead)).text
    assert "Given up after 16 attempts: KeyError. Mend what is wrong, then retry" in html


def test_question_about_many_effects_takes_no_more_queries_than_about_one(
    operator: Client, story: Story, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """A page of a list is asked about at once."""
    rows = EffectFactory.create_batch(
        40, event=story.failed.event, conversation=story.conversation, state="dead"
    )
    with django_assert_max_num_queries(14):
        choose(operator, "retry_chosen", *rows)


def test_timeline_tells_of_retries_and_closings(staff: Client, story: Story, dead: Event) -> None:
    """Whoever looks at the conversation sees that somebody had a hand in it, of either kind."""
    dead.conversation_uuid = story.conversation.conversation_uuid
    dead.save()
    choose(staff, "retry_chosen", story.failed, reason=WHY)
    choose(staff, "close_chosen", dead, reason="The caller hung up.")
    days = staff.get(page_of(story.conversation)).context["days"]
    entries = {entry.title: entry.meaning for day in days.values() for entry in day}
    retry, closing = Replay.objects.exclude(action="replay").order_by("pk")
    assert entries[f"Retry {retry.pk}: {WHY}"] == "By admin, ada"
    assert entries[f"Closing {closing.pk}: The caller hung up."] == "By admin, ada"


def test_record_leads_to_what_it_concerned(staff: Client, story: Story) -> None:
    """From the record to the list of just those effects."""
    choose(staff, "close_chosen", story.failed, reason=WHY)
    record = Replay.objects.get(reason=WHY)
    html = staff.get(page_of(record)).text
    query = f"?replay__id__exact={record.pk}"
    assert f"{list_of(Effect)}{query}" in html
    listed = staff.get(list_of(Effect) + query).context["cl"].result_list
    assert list(listed) == [story.failed]
