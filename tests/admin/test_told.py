"""What pages tell of keys, conflicts, rejections, leases, back-off and pauses."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations.models import Budget
from tests.admin.pages import page_of
from tests.factories import (
    AttemptFactory,
    DeliveryFactory,
    EffectFactory,
    EventFactory,
    SigningSecretFactory,
)
from webhooks.admin.words.durations import write_length
from webhooks.admin.words.timeline import Entry
from webhooks.models import Delivery, Effect, Event, RejectionCount, Replay, SigningSecret, Source

pytestmark = pytest.mark.django_db


def read_timeline(client: Client, event: Event, kind: str) -> list[Entry]:
    """Return the entries of one kind on an event's page."""
    days = client.get(page_of(event)).context["days"]
    return [entry for day in days.values() for entry in day if entry.kind == kind]


def sign(event: Event, secret: SigningSecret) -> Delivery:
    """Record a delivery of the event that was signed with the secret."""
    delivery: Delivery = DeliveryFactory.create(event=event, secret=secret)
    return delivery


def test_timeline_says_which_secret_was_used(staff: Client) -> None:
    """The newest, an older one that still counts, or one that is retired by now."""
    event = EventFactory.create()
    retired, older, newest = (
        SigningSecretFactory.create(source=event.source, value=f"secret-{n}") for n in range(3)
    )
    retired.retire()
    for secret in (retired, older, newest):
        sign(event, secret)
    told = [entry.meaning for entry in read_timeline(staff, event, "delivery")]
    assert f"Signed with secret {retired.fingerprint}, which is retired by now" in told[0]
    assert f"Signed with secret {older.fingerprint}, an older one that is still active" in told[1]
    assert f"Signed with secret {newest.fingerprint}, the newest one" in told[2]


def test_conflict_says_what_differed(staff: Client) -> None:
    """By the fields' names, on its page and in the timeline, with what to do."""
    event = EventFactory.create()
    conflict = DeliveryFactory.create(
        event=event, outcome="conflict", differences=["created", "data.status"]
    )
    (entry,) = read_timeline(staff, event, "delivery")
    assert "What differs: created, data.status." in entry.meaning
    assert "only the sender can say which is right" in entry.todo
    assert "What differs: created, data.status." in staff.get(page_of(conflict)).text


def test_rejected_delivery_tells_the_cause_and_leads_to_its_source(staff: Client) -> None:
    """What trying has found goes before what the verification alone would say."""
    delivery = DeliveryFactory.create(
        event=None,
        outcome="rejected",
        verification="signature_mismatch",
        cause="retired_secret",
        cause_detail="secret abc",
    )
    response = staff.get(page_of(delivery))
    said = "It is signed with a secret of this source that was retired (secret abc)."
    assert response.context["meaning"] == said
    (link,) = response.context["step"]["links"]
    assert link.url == page_of(delivery.source)


def test_rejections_tell_the_causes_of_their_hour(staff: Client) -> None:
    """The most frequent first, and nothing of another hour or source."""
    source = SigningSecretFactory.create().source
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    row = RejectionCount.objects.create(
        source=source, hour=hour, verification="signature_mismatch", count=9
    )
    for cause, at in [
        ("retired_secret", hour),
        ("other_source", hour + timedelta(minutes=3)),
        ("other_source", hour + timedelta(minutes=4)),
        ("changed_body", hour + timedelta(hours=1)),
    ]:
        reject(source, cause, at)
    reject(SigningSecretFactory.create().source, "changed_body", hour)
    response = staff.get(page_of(row))
    assert [number for _, number in response.context["causes"]] == [2, 1]
    assert "with the secret of another source" in response.context["causes"][0][0]
    assert "3 of 9" in response.text


def reject(source: Source, cause: str, at: object) -> None:
    """Record a delivery that was turned away for that cause."""
    DeliveryFactory.create(
        event=None,
        source=source,
        outcome="rejected",
        verification="signature_mismatch",
        cause=cause,
        received_at=at,
    )


def test_effect_says_when_it_is_tried_next(staff: Client) -> None:
    """Its back-off is told as people say it, with how many attempts there are."""
    effect = EffectFactory.create(
        attempts_made=2, reason="Zendesk failed with status 502.", attempts_limit=64
    )
    Effect.objects.filter(pk=effect.pk).update(due_at=timezone.now() + timedelta(minutes=3))
    AttemptFactory.create(effect=effect, outcome="temporary", error_class="TemporaryFailure")
    response = staff.get(page_of(effect))
    assert "after 2 of 64 attempts: Zendesk failed with status 502." in response.context["meaning"]
    assert "Next try in 3 minutes." in response.context["meaning"]
    assert response.context["step"]["whose"] == "the vendor's"
    assert response.context["lease"] == "A worker may take it up in 3 minutes."


def test_effect_of_a_paused_integration_says_who_paused_it(staff: Client) -> None:
    """It waits for that, and not for a worker."""
    Budget.objects.create(
        alias="crm", paused_at=timezone.now(), paused_by="bob", paused_reason="Moving house"
    )
    response = staff.get(page_of(EffectFactory.create()))
    assert "Paused by bob" in response.context["meaning"]
    assert "Moving house." in response.context["meaning"]
    (link,) = response.context["step"]["links"]
    assert link.text == "Open the integration"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(seconds=90), "worker-1 is at it. Without word of it another takes over in 90"),
        (-timedelta(seconds=5), "worker-1 has not come back in time"),
    ],
)
def test_effect_under_way_says_whose_it_is(staff: Client, left: timedelta, said: str) -> None:
    """Which worker has it, and until when nobody else may."""
    effect = EffectFactory.create(state="running", attempts_made=1)
    AttemptFactory.create(effect=effect)
    Effect.objects.filter(pk=effect.pk).update(due_at=timezone.now() + left)
    assert staff.get(page_of(effect)).context["lease"].startswith(said)


def test_held_event_says_who_paused_its_source(staff: Client) -> None:
    """With the reason, and the way to resume it."""
    event = EventFactory.create(status="held")
    Source.objects.filter(pk=event.source_id).update(
        paused_at=timezone.now(), paused_by="bob", paused_reason="A bad release"
    )
    response = staff.get(page_of(event))
    assert "bob has paused its source" in response.context["meaning"]
    assert "A bad release." in response.context["meaning"]
    (link,) = response.context["step"]["links"]
    assert link.url == page_of(event.source)


def test_effect_says_who_had_it_tried_again_and_why(staff: Client) -> None:
    """Whoever wonders finds the person and the reason on its page."""
    row = Replay.objects.create(
        action="retry",
        requested_by=User.objects.get_or_create(username="ada")[0],
        requested_from="admin",
        reason="The key was renewed.",
        selection={},
    )
    html = staff.get(page_of(EffectFactory.create(replay=row))).text
    assert "by ada: The key was renewed." in html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (180, "3 minutes"),
        (7200, "2 hours"),
        (86400 * 3, "3 days"),
    ],
)
def test_length_is_told_in_a_unit_that_fits(seconds: int, said: str) -> None:
    """Short times exactly, long ones roughly."""
    assert write_length(timedelta(seconds=seconds)) == said
