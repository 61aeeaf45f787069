"""What the pages tell of how late a delivery came, and of what a replay did."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.pages import list_of, page_of
from tests.admin.story import Story
from tests.factories import DeliveryFactory
from tests.workers import process_event
from webhooks.admin.words.timeline import Entry
from webhooks.models import Delivery, Event, Replay
from webhooks.operations.replay import restart_events

RECEIVED = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("early", "said", "journey"),
    [
        (timedelta(minutes=12), "its time is 720 s before ours", "12 minutes before"),
        (-timedelta(minutes=7), "its time is 420 s after ours", "7 minutes after"),
        (timedelta(seconds=1), "its time is 1 s before ours", "1 second before"),
    ],
)
def test_stale_delivery_says_when_it_was_sent_and_with_which_secret(
    staff: Client, story: Story, early: timedelta, said: str, journey: str
) -> None:
    """The sentence, the time and the secret's fingerprint stand on its page."""
    delivery = DeliveryFactory.create(
        event=None,
        source=story.source,
        secret=story.secret,
        outcome=Delivery.Outcome.REJECTED,
        verification=Delivery.Verification.STALE,
        received_at=RECEIVED,
        signed_at=RECEIVED - early,
    )
    response = staff.get(page_of(delivery))
    assert said in response.context["meaning"]
    assert "300 s are allowed." in response.context["meaning"]
    assert f"{journey} it was received" in response.text
    assert (RECEIVED - early).isoformat() in response.text
    assert f"secret {story.secret.fingerprint}, the newest one" in response.text


@pytest.mark.usefixtures("story")
def test_rejected_delivery_says_why_it_has_no_event(staff: Client) -> None:
    """Nothing was read of an unproven one; a genuine one held none."""
    unproven = "None: nothing is read of a delivery that is not proven genuine"
    for delivery in Delivery.objects.filter(outcome="rejected"):
        genuine = delivery.verification == "verified"
        html = staff.get(page_of(delivery)).text
        assert (unproven in html) is not genuine
        assert ("None: what it holds is no event" in html) is genuine
    assert staff.get(list_of(Delivery)).text.count(unproven) == 7


def replay_event(story: Story) -> Replay:
    """Have the story's event replayed by Ada, without processing it yet."""
    row = Replay.objects.create(
        requested_by=User.objects.get_or_create(username="ada")[0],
        requested_from="command, root",
        reason="The CRM was down.",
        selection={},
    )
    restart_events(row, Event.objects.filter(pk=story.ended.pk), set())
    return row


def read_timeline(staff: Client, story: Story) -> list[Entry]:
    """Return the entries of the conversation's timeline."""
    days = staff.get(page_of(story.conversation)).context["days"]
    return [entry for day in days.values() for entry in day]


def test_timeline_shows_a_replay_and_what_it_did(staff: Client, story: Story) -> None:
    """It stands at its time, before the event that it had processed again."""
    row = replay_event(story)
    process_event(story.ended.pk)
    entries = read_timeline(staff, story)
    (replay,) = [entry for entry in entries if entry.kind == "replay"]
    assert (replay.at, replay.title) == (row.created_at, f"Replay {row.pk}: The CRM was down.")
    assert replay.meaning == "By command, root, ada"
    assert replay.url == page_of(row)
    (event,) = [entry for entry in entries if entry.url == page_of(story.ended)]
    assert entries.index(replay) < entries.index(event)
    assert f"again, by replay {row.pk}," in event.meaning
    others = [entry for entry in entries if entry.kind == "event" and entry is not event]
    assert len(others) == 2
    assert not any("replay" in entry.meaning for entry in others)


def test_timeline_shows_an_event_that_waits_for_its_replay_after_it(
    staff: Client, story: Story
) -> None:
    """What is pending since the replay does not stand where it was processed before."""
    row = replay_event(story)
    (event,) = [e for e in read_timeline(staff, story) if e.url == page_of(story.ended)]
    assert event.at == row.created_at
    assert event.meaning == f"Waiting for a worker again, by replay {row.pk}."


def test_event_page_leads_to_its_last_replay(staff: Client, story: Story) -> None:
    """With when and why, and with what the number of attempts counts from."""
    assert "Replay " not in staff.get(page_of(story.ended)).context["meaning"]
    replay_event(story)
    row = replay_event_again(story)
    html = staff.get(page_of(story.ended)).text
    assert f'href="{page_of(row)}"' in html
    assert "The CRM was down." in html
    assert f"1 since replay {row.pk}" in html


def replay_event_again(story: Story) -> Replay:
    """Have the event processed, replayed once more and processed again."""
    process_event(story.ended.pk)
    row = replay_event(story)
    process_event(story.ended.pk)
    return row


def test_replay_is_hidden_from_who_may_not_see_replays(story: Story) -> None:
    """The timeline shows only the kinds of rows that its reader may open."""
    replay_event(story)
    user = User.objects.create_user("eve", is_staff=True)
    client = Client()
    client.force_login(user)
    for name in ("view_conversation", "view_event"):
        user.user_permissions.add(Permission.objects.get(codename=name))
    assert {entry.kind for entry in read_timeline(client, story)} == {"event"}
