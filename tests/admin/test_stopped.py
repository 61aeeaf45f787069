"""What failed or is dead is found, and retried, replayed or closed by those who may."""

import pytest
from django.test import Client

from tests.admin.pages import address, answer, choose, list_of, page_of
from tests.admin.story import Story
from tests.factories import EffectFactory, EventFactory
from tests.workers import process_all, run_due
from webhooks.models import AuditEntry, Effect, Event, Replay
from webhooks.operations.runs import carry_out

pytestmark = pytest.mark.usefixtures("story", "nobody_to_tell")

WHY = "The help desk has the form now."


def see_through() -> Replay:
    """Do what a worker would, and return the last run that was asked for."""
    return carry_out(Replay.objects.latest("pk"))


def test_marked_effects_are_retried_in_the_background(operator: Client, story: Story) -> None:
    """It says what would happen, takes a reason, and leads to the run; that does it later."""
    done = Effect.objects.filter(state="succeeded")[0]
    path = choose(operator, "retry", story.failed, done)
    asked = operator.get(path).text
    assert "Tickets: tried again</td><td>1<" in asked
    assert "Left alone: done</td><td>1<" in asked
    assert not Replay.objects.filter(action="retry").exists()
    response = answer(operator, path, WHY)
    run = Replay.objects.get(action="retry")
    assert response.headers["Location"] == page_of(run)
    assert (run.reason, run.person, run.requested_from, run.state) == (
        WHY,
        "vic",
        "admin",
        "waiting",
    )
    story.failed.refresh_from_db()
    assert story.failed.state == "failed"
    run = see_through()
    assert (run.state, run.effects_to_run, run.effects_kept) == ("finished", 1, 1)
    key = story.failed.idempotency_key
    story.failed.refresh_from_db()
    assert (story.failed.state, story.failed.idempotency_key) == ("pending", key)
    assert story.failed.replay == run
    assert run_due() == 1
    assert WHY in operator.get(page_of(story.failed)).text


def test_marked_events_are_replayed_with_their_effects(
    operator: Client, story: Story, dead: Event
) -> None:
    """One that is dead, and one whose ticket was refused; both then come through as ever."""
    path = choose(operator, "replay", dead, story.failed.event)
    asked = operator.get(path).text
    assert "Events: processed again</td><td>2<" in asked
    assert "Effects: tried again, failed or dead before</td><td>1<" in asked
    answer(operator, path, WHY)
    run = see_through()
    assert (run.action, run.events, run.person) == ("replay", 2, "vic")
    process_all([dead, story.failed.event])
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
    story.failed.refresh_from_db()
    assert (story.failed.state, story.failed.replay) == ("succeeded", run)


def test_closed_rows_wait_for_nobody(operator: Client, story: Story, dead: Event) -> None:
    """They say who closed them and why, and are in no list of what needs people any more."""
    for row in (story.failed, dead):
        path = choose(operator, "close", row)
        assert "They can still be re" in operator.get(path).text
        answer(operator, path, "The caller hung up.")
        see_through()
        page = operator.get(page_of(row)).text
        assert "Closed by vic: The caller hung up." in page
        needing = operator.get(list_of(type(row)), {"needs": "people"})
        assert list(needing.context["cl"].result_list) == []
    counts = Replay.objects.filter(action="closing").order_by("pk")
    assert [*counts.values_list("events", "effects_closed")] == [
        (0, 1),
        (1, 0),
    ]
    answer(operator, choose(operator, "retry", story.failed), WHY)
    see_through()
    story.failed.refresh_from_db()
    assert story.failed.state == "pending"


def test_page_of_a_stopped_row_offers_what_helps(
    operator: Client, story: Story, dead: Event
) -> None:
    """A look at the question changes nothing; what is sent with a reason leads to the run."""
    for row, first in ((story.failed, "retry_one"), (dead, "replay_one")):
        html = operator.get(page_of(row)).text
        for action in (first, "close_one"):
            path = address(type(row), action, row.pk)
            assert f'href="{path}"' in html
            asked = operator.get(path, {"reason": WHY})
            assert asked.status_code == 200
            assert "Why?" in asked.text
        assert not Replay.objects.filter(reason=WHY).exists()
        response = answer(operator, path, WHY)
        assert response.headers["Location"] == page_of(Replay.objects.get(reason=WHY))
        see_through().delete()


def test_page_of_a_row_that_is_well_offers_what_makes_sense(staff: Client) -> None:
    """An effect that is done is neither retried nor closed; its event can be replayed."""
    effect = Effect.objects.filter(state="succeeded")[0]
    html = staff.get(page_of(effect)).text
    for action in ("retry_one", "close_one"):
        path = address(Effect, action, effect.pk)
        assert path not in html
        assert "There is nothing to do here." in staff.get(path).text
        sent = {"reason": WHY, "request_key": "0" * 32, "last_key": "1"}
        assert "Nothing to do" in staff.post(path, sent, follow=True).text
    assert address(Effect, "redo_one", effect.pk) in html
    html = staff.get(page_of(effect.event)).text
    assert address(Event, "replay_one", effect.event_id) in html
    assert address(Event, "close_one", effect.event_id) not in html
    assert not Replay.objects.filter(reason=WHY).exists()


def test_an_event_on_its_way_offers_nothing(staff: Client) -> None:
    """Neither one that is pending nor one that is held needs to be replayed."""
    for status in ("pending", "held"):
        event = EventFactory.create(status=status)
        html = staff.get(page_of(event)).text
        assert address(Event, "replay_one", event.pk) not in html


def test_an_unknown_row_or_deed_is_not_found(staff: Client) -> None:
    """Neither by a key that nobody has, nor by what is none."""
    for key in (987654321, "x"):
        assert staff.get(address(Effect, "retry_one", key)).status_code == 404
    assert staff.get(address(Effect, "ask", "replay") + "?rows=1").status_code == 404


def test_lists_show_what_needs_people(staff: Client, story: Story, dead: Event) -> None:
    """Failed and dead beside each other, and nothing else."""
    failed = EventFactory.create(status=Event.Status.FAILED, error="Not JSON.")
    late = EffectFactory.create(state="dead", event=failed, conversation=story.conversation)
    for model, rows in ((Event, {failed, dead}), (Effect, {late, story.failed})):
        listed = staff.get(list_of(model), {"needs": "people"}).context["cl"].result_list
        assert set(listed) == rows


def test_timeline_tells_of_runs(staff: Client, story: Story, dead: Event) -> None:
    """Whoever looks at the conversation sees that somebody had a hand in it, of either kind."""
    dead.conversation_uuid = story.conversation.conversation_uuid
    dead.save()
    for row, action in ((story.failed, "retry"), (dead, "close")):
        answer(staff, choose(staff, action, row), WHY)
        see_through()
    days = staff.get(page_of(story.conversation)).context["days"]
    entries = {entry.title: entry.meaning for day in days.values() for entry in day}
    retry, closing = Replay.objects.exclude(action="replay").order_by("pk")
    for title in (f"Retry {retry.pk}: {WHY}", f"Closing {closing.pk}: {WHY}"):
        assert entries[title].startswith("By admin, ada")


def test_every_run_is_in_the_audit_list(operator: Client, story: Story) -> None:
    """Who, through which door, what and why."""
    answer(operator, choose(operator, "close", story.failed), WHY)
    entry = AuditEntry.objects.get(action="closing")
    assert (entry.actor_name, entry.door, entry.detail) == ("vic", "admin", WHY)
    assert entry.subject_id == str(Replay.objects.latest("pk").pk)


def test_all_events_of_a_conversation_are_replayed_from_its_page(
    operator: Client, story: Story
) -> None:
    """The link asks about just those, and leads back to them in their list."""
    html = operator.get(page_of(story.conversation)).text
    uuid = story.conversation.conversation_uuid
    path = f"{address(Event, 'ask', 'replay')}?select_across=1&conversation_uuid={uuid}"
    assert path.replace("&", "&amp;") in html
    asked = operator.get(path).text
    assert "Events that match</td><td>3<" in asked
    assert f'href="{list_of(Event)}?q={uuid}">Back to the events' in asked
