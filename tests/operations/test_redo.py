"""Doing again what succeeded: once more each time it is asked for, and at no vendor less."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.base import Alias
from integrations.ledger.models import (
    LedgerActivity,
    LedgerFollowUp,
    LedgerTicket,
    LedgerUsageRecord,
)
from integrations.models import StripeCustomer
from tests.factories import SourceFactory
from tests.fakes.hubspot import ACCESS_TOKEN, FakeHubSpot
from tests.fakes.linear import API_KEY as LINEAR_KEY
from tests.fakes.linear import TEAM_ID, FakeLinear
from tests.fakes.stripe import API_KEY as STRIPE_KEY
from tests.fakes.stripe import CUSTOMER, EVENT_NAME, FakeStripe
from tests.fakes.webhook import FakeWebhook
from tests.fakes.zendesk import API_TOKEN, EMAIL, FakeZendesk
from tests.integrations.webhook_service import make_options
from tests.operations.asking import because, have_done
from tests.operations.brokers import no_broker
from tests.operations.stored import make_stopped, run_all, store, store_conversation
from tests.processing.integration import bind_memory
from tests.together import run_together
from tests.workers import run_due
from webhooks.models import AuditEntry, Conversation, Effect, Replay
from webhooks.operations.conversations import build_conversation
from webhooks.operations.redo import CONSEQUENCES, build_redo, describe_redo
from webhooks.operations.runs import NothingToDoError, ask_for, carry_out, preview_run
from webhooks.operations.selection import EffectSelection

REDO = Replay.Action.REDO


@pytest.fixture(autouse=True)
def _nobody_to_tell() -> Iterator[None]:
    with no_broker():
        yield


def choose(*effects: Effect) -> EffectSelection:
    """Return the selection of just these."""
    return EffectSelection(effects=tuple(effect.pk for effect in effects))


def redo(*effects: Effect) -> Replay:
    """Have these done again."""
    return have_done(REDO, choose(*effects))


@pytest.fixture
def done() -> dict[str, Effect]:
    """Return what is done of a conversation, the newest of each integration."""
    run_all(store_conversation())
    return {effect.integration: effect for effect in Effect.objects.order_by("pk")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("integration", "table"),
    [("tickets", LedgerTicket), ("usage", LedgerUsageRecord), ("tasks", LedgerFollowUp)],
)
def test_what_is_created_once_is_there_a_second_time(
    done: dict[str, Effect], integration: str, table: Any
) -> None:
    """Under a key of its own, with the same request, beside the first one."""
    original = done[integration]
    run = redo(original)
    assert (run.state, run.effects_to_run, run.effects_kept) == ("finished", 1, 0)
    assert run_due() == 1
    again = Effect.objects.get(redo_of=original)
    assert again.idempotency_key == f"{original.idempotency_key}:redo:1"
    assert (again.state, again.replay, again.priority) == ("succeeded", run, Effect.Priority.RETRY)
    assert again.external_id != original.external_id
    keys = table.objects.order_by("pk").values_list("idempotency_key", flat=True)
    assert list(keys) == [original.idempotency_key, again.idempotency_key]
    assert original.request is not None
    assert again.request == original.request | {"idempotency_key": again.idempotency_key}
    original.refresh_from_db()
    assert (original.state, original.replay) == ("succeeded", None)
    assert AuditEntry.objects.get().action == "redo"


@pytest.mark.django_db
def test_a_crm_is_written_to_again_and_has_no_second_record(done: dict[str, Effect]) -> None:
    """What somebody has changed there since says what the conversation says."""
    LedgerActivity.objects.update(summary="Scribbled over.")
    redo(done["crm"])
    run_due()
    assert LedgerActivity.objects.get().summary == Conversation.objects.get().summary


@pytest.mark.django_db
def test_only_what_succeeded_is_done_again(done: dict[str, Effect]) -> None:
    """A retry is for what failed; everything else is told as left alone."""
    make_stopped("usage", "failed")
    everything = EffectSelection(effects=tuple(Effect.objects.values_list("pk", flat=True)))
    seen = preview_run(REDO, everything)
    assert (seen.found, seen.rows) == (6, 5)
    assert ("Left alone: failed, so a retry does it once", 1) in seen.lines
    run = have_done(REDO, everything)
    assert (run.effects_to_run, run.effects_kept) == (5, 1)
    assert not Effect.objects.filter(redo_of=done["usage"]).exists()


@pytest.mark.django_db
def test_what_is_being_done_again_is_left_alone(done: dict[str, Effect]) -> None:
    """Whoever asks before it is over is told so."""
    redo(done["tickets"])
    seen = preview_run(REDO, choose(done["tickets"]))
    assert (seen.rows, dict(seen.lines)) == (0, {"Left alone: being done again already": 1})
    with pytest.raises(NothingToDoError):
        redo(done["tickets"])
    run_due()
    redo(done["tickets"])
    run_due()
    assert LedgerTicket.objects.count() == 3


@pytest.mark.usefixtures("own_database")
def test_two_who_ask_at_the_same_moment_mean_one_second_time() -> None:
    """Whichever comes second leaves it alone, also when the first one's is done by then."""
    run_all(store_conversation())
    ticket = Effect.objects.get(integration="tickets")
    runs = [ask_for(REDO, choose(ticket), because()) for _ in range(3)]
    run_together([partial(carry_out, run) for run in runs[:2]])
    run_due()
    carry_out(runs[2])
    run_due()
    kept = Replay.objects.order_by("effects_to_run").values_list("effects_to_run", "effects_kept")
    assert list(kept) == [(0, 1), (0, 1), (1, 0)]
    assert Effect.objects.filter(redo_of=ticket).count() == 1
    assert LedgerTicket.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-1, 1], ids=["slow", "fast"])
def test_a_wrong_clock_makes_no_second_redo_and_drops_none(
    done: dict[str, Effect], monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Which came first is not told by the clock of whoever asked."""
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))
    first, second = [ask_for(REDO, choose(done["tickets"]), because()) for _ in range(2)]
    assert abs(first.created_at - right()) < timedelta(minutes=1)
    assert carry_out(first).effects_to_run == 1
    Effect.objects.filter(redo_of=done["tickets"]).update(state="succeeded")
    assert carry_out(second).effects_kept == 1
    # Whoever knows of that one, and asks after it, means another.
    assert redo(done["tickets"]).effects_to_run == 1


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["failed", "dead"])
def test_a_second_time_that_failed_is_in_the_way_of_a_third(
    done: dict[str, Effect], state: str
) -> None:
    """A retry does it still: both together would be more than anybody asked for."""
    late = ask_for(REDO, choose(done["tickets"]), because())
    redo(done["tickets"])
    Effect.objects.filter(redo_of=done["tickets"]).update(state=state)
    seen = preview_run(REDO, choose(done["tickets"], done["usage"]))
    assert dict(seen.lines) == {
        "Usage: done again": 1,
        "Left alone: its second time failed: retry or close that one first": 1,
    }
    with pytest.raises(NothingToDoError, match="retry or close that one first"):
        redo(done["tickets"])
    # Also where it was asked for when nothing was in the way, and by the page's own last key.
    Replay.objects.filter(pk=late.pk).update(last_key=10**9)
    assert carry_out(late).effects_kept == 1
    Effect.objects.filter(redo_of=done["tickets"]).update(state="closed")
    assert redo(done["tickets"]).effects_to_run == 1


@pytest.mark.django_db
def test_what_was_a_second_time_is_done_a_third_time_for_the_first(
    done: dict[str, Effect],
) -> None:
    """The keys count on, and choosing both means once more, and not twice."""
    redo(done["tickets"])
    run_due()
    second = Effect.objects.get(redo_of=done["tickets"])
    run = redo(done["tickets"], second)
    run_due()
    assert (run.looked_at, run.effects_to_run) == (2, 1)
    keys = Effect.objects.filter(redo_of=done["tickets"]).values_list("idempotency_key", flat=True)
    key = done["tickets"].idempotency_key
    assert set(keys) == {f"{key}:redo:1", f"{key}:redo:2"}


@pytest.mark.django_db
def test_the_number_goes_on_after_a_redo_that_is_gone(done: dict[str, Effect]) -> None:
    """No key comes twice, whatever a dry run or retention has deleted."""
    for _ in range(2):
        redo(done["tickets"])
        run_due()
    Effect.objects.get(idempotency_key__endswith=":redo:1").delete()
    redo(done["tickets"])
    assert Effect.objects.filter(idempotency_key__endswith=":redo:3").exists()


@pytest.mark.django_db
def test_the_longest_key_has_room_for_a_second_time(done: dict[str, Effect]) -> None:
    """And the key is that one's own."""
    done["tickets"].idempotency_key = "k" * 254 + "a"
    one = build_redo(Replay(), done["tickets"], []).idempotency_key
    done["tickets"].idempotency_key = "k" * 254 + "b"
    other = build_redo(Replay(), done["tickets"], []).idempotency_key
    assert one != other
    assert max(len(one), len(other)) <= 255


@pytest.mark.django_db
def test_a_look_ahead_says_what_will_happen_downstream(
    done: dict[str, Effect], settings: Settings
) -> None:
    """In plain words, for each integration that is concerned; a rehearsal is called one."""
    seen = preview_run(REDO, choose(done["tickets"], done["usage"]))
    assert list(seen.lines) == [("Tickets: done again", 1), ("Usage: done again", 1)]
    assert list(seen.notes) == [
        f"Tickets: {CONSEQUENCES[Effect.Integration.TICKETS]}",
        f"Usage: {CONSEQUENCES[Effect.Integration.USAGE]}",
    ]
    bind_memory(settings, DRY_RUN=True)
    assert "nothing is sent" in describe_redo("tickets")


def test_every_integration_has_its_words() -> None:
    """None is left out when one is added."""
    assert set(CONSEQUENCES) == set(Effect.Integration)


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's fake, what binds an integration to it, and how many records it holds."""

    alias: Alias
    fake: Callable[[], Any]
    backend: str
    build_options: Callable[[str], dict[str, Any]]
    count: Callable[[Any], int]


VENDORS = {
    "zendesk": Vendor(
        "tickets",
        FakeZendesk,
        "integrations.tickets.zendesk.ZendeskTickets",
        lambda url: {"BASE_URL": url, "EMAIL": EMAIL, "API_TOKEN": API_TOKEN},
        lambda fake: len(fake.tickets),
    ),
    "stripe": Vendor(
        "usage",
        FakeStripe,
        "integrations.usage.stripe.StripeUsage",
        lambda url: {"BASE_URL": url, "API_KEY": STRIPE_KEY, "EVENT_NAME": EVENT_NAME},
        lambda fake: len(fake.events),
    ),
    "linear": Vendor(
        "tasks",
        FakeLinear,
        "integrations.tasks.linear.LinearTasks",
        lambda url: {"BASE_URL": url, "API_KEY": LINEAR_KEY, "TEAM_ID": TEAM_ID},
        lambda fake: len(fake.issues),
    ),
    "hubspot": Vendor(
        "tasks",
        FakeHubSpot,
        "integrations.tasks.hubspot.HubSpotTasks",
        lambda url: {"BASE_URL": url, "ACCESS_TOKEN": ACCESS_TOKEN},
        lambda fake: len(fake.get_tasks()),
    ),
    "webhook": Vendor(
        "tickets",
        FakeWebhook,
        "integrations.tickets.webhook.WebhookTickets",
        make_options,
        lambda fake: len(fake.bodies),
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_a_vendor_takes_a_second_time_for_something_new(
    settings: Settings, vendor: Vendor, own_database: str
) -> None:
    """And the first one, however often it is retried, for what it has."""
    assert own_database
    with vendor.fake() as fake:
        bind(settings, vendor, fake.url)
        StripeCustomer.objects.create(
            scope="organization", uuid="organization-1", customer_id=CUSTOMER
        )
        run_recent()
        original = Effect.objects.get(integration=vendor.alias)
        assert (original.state, vendor.count(fake)) == ("succeeded", 1), original.reason
        Effect.objects.filter(pk=original.pk).update(state="dead")
        have_done(Replay.Action.RETRY, choose(original))
        run_due()
        assert vendor.count(fake) == 1
        redo(original)
        run_due()
        again = Effect.objects.get(redo_of=original)
        assert (again.state, vendor.count(fake)) == ("succeeded", 2), again.reason
        assert again.external_id != original.external_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_database")
def test_hubspots_call_is_written_again_and_stays_one(settings: Settings) -> None:
    """Though it has this version already, and a person has changed it there."""
    crm = Vendor(
        "crm",
        FakeHubSpot,
        "integrations.crm.hubspot.HubSpotCRM",
        lambda url: {"BASE_URL": url, "ACCESS_TOKEN": ACCESS_TOKEN},
        lambda fake: len(fake.get_calls()),
    )
    with crm.fake() as fake:
        bind(settings, crm, fake.url)
        run_recent()
        (before,) = fake.get_calls()
        original = Effect.objects.filter(integration="crm")[0]
        redo(original)
        run_due()
        (call,) = fake.get_calls()
    assert Effect.objects.get(redo_of=original).state == "succeeded"
    versions = [int(each["switchboard_version"]) for each in (before, call)]
    assert versions[1] == versions[0] + 1
    kept = call.keys() - {"switchboard_version", "hs_lastmodifieddate"}
    assert {name: call[name] for name in kept} == {name: before[name] for name in kept}


def bind(settings: Settings, vendor: Vendor, url: str) -> None:
    """Have the vendor's integration lead to it, and the others to the ledger."""
    options = vendor.build_options(url) | {"RATE": ""}
    settings.INTEGRATIONS = settings.INTEGRATIONS | {
        vendor.alias: {"BACKEND": vendor.backend, "OPTIONS": options}
    }


def run_recent() -> None:
    """Have a conversation of just now processed: vendors take nothing that is old."""
    source = SourceFactory.create()
    events = build_conversation(timezone.now()).events
    run_all([store(event, source) for event in events])
