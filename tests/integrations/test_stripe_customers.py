"""Whom in Stripe usage is billed to, and how staff say so."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from integrations.exceptions import PermanentFailure
from integrations.models import StripeCustomer, StripeMeterEvent
from integrations.registry import get_backend
from integrations.usage.base import UsageRecord
from integrations.usage.stripe import StripeUsage
from tests.contracts.requests import make_usage_record
from tests.factories import SourceFactory
from tests.fakes.stripe import API_KEY, CUSTOMER, EVENT_NAME, FakeStripe
from tests.processing.stories import END, ENDED, PARTIES, Telling, process, store
from webhooks.models import Effect
from webhooks.processing.effects import retry_effects
from webhooks.processing.work import work_off

pytestmark = pytest.mark.django_db

LIST = "admin:integrations_stripecustomer_changelist"
ADD = "admin:integrations_stripecustomer_add"


def add(scope: str, name: str, customer: str) -> StripeCustomer:
    """Have a mapping."""
    return StripeCustomer.objects.create(scope=scope, uuid=name, customer_id=customer)


@pytest.fixture
def staff(client: Client) -> Client:
    """Return a browser in which an administrator has logged in."""
    client.force_login(User.objects.create_superuser("ada"))
    return client


# -------------------------------------------------------------------- who pays


def find_payer(**ids: str) -> str:
    """Return the customer who pays for a conversation with these ids."""
    request = make_usage_record(
        **{"organization_uuid": "o", "agent_uuid": "a", "campaign_uuid": "c"} | ids
    )
    customer = StripeCustomer.objects.find_for(request.conversation)
    return customer.customer_id if customer else ""


def test_most_specific_customer_pays() -> None:
    """A campaign's goes before its agent's, and an agent's before its organization's."""
    add("organization", "o", "cus_O")
    assert find_payer() == "cus_O"
    add("agent", "a", "cus_A")
    assert find_payer() == "cus_A"
    add("campaign", "c", "cus_C")
    assert find_payer() == "cus_C"
    assert find_payer(campaign_uuid="other") == "cus_A"
    assert find_payer(campaign_uuid="", agent_uuid="other") == "cus_O"
    assert find_payer(campaign_uuid="", agent_uuid="", organization_uuid="other") == ""


def test_id_counts_for_its_own_scope_only() -> None:
    """An agent that happens to have an organization's id is not that organization."""
    add("agent", "o", "cus_A")
    assert find_payer() == ""


def test_conversation_without_ids_has_no_payer() -> None:
    """Not even where somebody managed to store an empty id."""
    add("campaign", "", "cus_C")
    assert find_payer(campaign_uuid="", agent_uuid="", organization_uuid="") == ""


def test_id_has_one_customer() -> None:
    """The table itself refuses a second one."""
    add("agent", "a", "cus_A")
    with pytest.raises(IntegrityError):
        add("agent", "a", "cus_B")


@pytest.mark.parametrize("wrong", ["", "Acme", "sub_123", "cus_", "cus_1\n", "cus_a/../b", "cus_é"])
def test_what_is_no_customer_of_stripes_is_refused(wrong: str) -> None:
    """A subscription's id, or a name, would fail every effect later."""
    with pytest.raises(ValidationError):
        StripeCustomer(scope="agent", uuid="a", customer_id=wrong).full_clean()


def make_backend() -> StripeUsage:
    """Return a backend that never gets as far as calling Stripe."""
    return StripeUsage("usage", {"API_KEY": API_KEY, "EVENT_NAME": EVENT_NAME})


def make_recent(**changes: str) -> UsageRecord:
    """Return the usage of a call that has just ended."""
    return make_usage_record(occurred_at=datetime.now(UTC), **changes)


def test_unmapped_account_is_named() -> None:
    """By the ids that staff need for the mapping, and with what to do."""
    with pytest.raises(PermanentFailure) as caught:
        make_backend().apply(make_recent(campaign_uuid="camp-7"))
    assert str(caught.value) == (
        "No Stripe customer is mapped to organization o-1, agent a-1, campaign camp-7: add one to"
        " Switchboard's Stripe customers, then replay the failed events."
    )
    assert not StripeMeterEvent.objects.exists()


def test_id_that_is_none_is_not_quoted() -> None:
    """What a sender puts in the place of an id may be anything."""
    odd = make_recent(
        organization_uuid="Ada Lovelace, +49 30 1234", agent_uuid="", campaign_uuid=""
    )
    with pytest.raises(PermanentFailure, match="mapped to the conversation"):
        make_backend().apply(odd)


def test_dry_run_tells_of_an_unmapped_account_too() -> None:
    """What is tried out first is found out first."""
    with pytest.raises(PermanentFailure, match="No Stripe customer"):
        make_backend().preview(make_recent())


# -------------------------------------------------------------------- through the engine


@pytest.fixture
def fake(settings: Settings) -> Iterator[FakeStripe]:
    """Bind usage to Stripe, and to nobody's customer yet."""
    with FakeStripe() as fake:
        settings.INTEGRATIONS = settings.INTEGRATIONS | {
            "usage": {
                "BACKEND": "integrations.usage.stripe.StripeUsage",
                "OPTIONS": {"BASE_URL": fake.url, "API_KEY": API_KEY, "EVENT_NAME": EVENT_NAME},
            }
        }
        yield fake
        backend = get_backend("usage")
        assert isinstance(backend, StripeUsage)
        backend.api.client.close()


def test_retry_after_mapping_heals_the_effect(fake: FakeStripe) -> None:
    """An unmapped account fails its effect for people; mapped and retried, it is billed once."""
    ended_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    story = PARTIES | END | {"ended_at": ended_at.isoformat(), "duration_seconds": 75}
    [event] = store([Telling(ENDED, story)], SourceFactory.create(), str(uuid.uuid4()))
    process(event)
    work_off("usage")
    effect = Effect.objects.get(integration="usage")
    assert (effect.state, effect.attempts_made) == ("failed", 1)
    assert "No Stripe customer is mapped to organization organization-1" in effect.reason
    assert fake.log == []

    add("organization", "organization-1", CUSTOMER)
    assert retry_effects([effect.pk]) == 1
    work_off("usage")
    effect.refresh_from_db()
    assert (effect.state, effect.reason) == ("succeeded", "")
    [billed] = fake.events
    assert billed.identifier == effect.external_id
    assert billed.payload == {"stripe_customer_id": CUSTOMER, "value": "75"}
    assert billed.timestamp == int(ended_at.timestamp())


# -------------------------------------------------------------------- in the admin


def test_staff_add_a_customer(staff: Client) -> None:
    """Ids are pasted with blanks around them."""
    form = {"scope": "agent", "uuid": " a-1 ", "customer_id": " cus_A1 ", "note": "Branch"}
    response = staff.post(reverse(ADD), form, follow=True)
    assert "replay_events --failed" in response.text
    customer = StripeCustomer.objects.get()
    assert (customer.scope, customer.uuid, customer.customer_id) == ("agent", "a-1", "cus_A1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"customer_id": "Acme"}, "looks like cus_"),
        ({"uuid": "known"}, "There is a Stripe customer for this id already."),
    ],
)
def test_wrong_customer_is_explained(staff: Client, changes: dict[str, str], said: str) -> None:
    """At the form, in a sentence."""
    add("agent", "known", "cus_A")
    form = {"scope": "agent", "uuid": "new", "customer_id": "cus_B", "note": ""} | changes
    response = staff.post(reverse(ADD), form)
    assert said in response.text
    assert StripeCustomer.objects.count() == 1


def test_list_is_searched_and_filtered(staff: Client) -> None:
    """By parts of ids, customers and notes, and by scope."""
    add("agent", "a-77", "cus_A")
    add("organization", "o-1", "cus_O")
    for chosen, number in [
        ({"q": "77"}, 1),
        ({"q": "cus_"}, 2),
        ({"scope__exact": "agent"}, 1),
        ({"scope__exact": "campaign"}, 0),
    ]:
        response = staff.get(reverse(LIST), chosen)
        assert response.context["cl"].result_count == number


def test_list_takes_no_other_lookup(staff: Client) -> None:
    """What the list does not offer cannot be asked for letter by letter."""
    add("agent", "a-77", "cus_A")
    assert staff.get(reverse(LIST), {"note__startswith": "x"}).status_code in {302, 400}


def test_sidebar_leads_to_the_mapping_for_those_who_may_see_it(client: Client) -> None:
    """And for nobody else."""
    user = User.objects.create_user("vic", is_staff=True)
    client.force_login(user)
    assert reverse(LIST) not in client.get("/admin/").text
    user.user_permissions.add(Permission.objects.get(codename="view_stripecustomer"))
    assert reverse(LIST) in client.get("/admin/").text


# -------------------------------------------------------------------- events of unknown fate


def add_event(identifier: str, **changes: object) -> StripeMeterEvent:
    """Have an event that was sent and not answered."""
    now = datetime.now(UTC)
    known = {"created_at": now, "open_sends": 1, "open_since": now, "livemode": False}
    return StripeMeterEvent.objects.create(
        identifier=identifier, event_name=EVENT_NAME, customer_id=CUSTOMER, **known | changes
    )


def page_of(event: StripeMeterEvent, page: str = "change") -> str:
    """Return the path of an event's page."""
    return reverse(f"admin:integrations_stripemeterevent_{page}", args=[event.pk])


def test_events_are_listed_by_their_fate(staff: Client) -> None:
    """What waits for a person is found among what does not."""
    add_event("open")
    add_event("done", open_sends=0, open_since=None, confirmed_at=datetime.now(UTC))
    add_event("refused", open_sends=0, open_since=None)
    for fate, said in [
        ("open", "not answered"),
        ("confirmed", "Stripe has it"),
        ("refused", "not taken"),
    ]:
        response = staff.get(
            reverse("admin:integrations_stripemeterevent_changelist"), {"fate": fate}
        )
        assert response.context["cl"].result_count == 1
        assert said in response.text


def test_event_of_unknown_fate_can_be_deleted_and_no_other(staff: Client) -> None:
    """That lets it be sent again; what Stripe has would be billed twice."""
    waiting, done = add_event("open"), add_event("done", confirmed_at=datetime.now(UTC))
    assert staff.get(page_of(waiting)).status_code == 200
    assert staff.post(page_of(waiting, "delete"), {"post": "yes"}).status_code == 302
    assert staff.post(page_of(done, "delete"), {"post": "yes"}).status_code == 403
    assert [event.identifier for event in StripeMeterEvent.objects.all()] == ["done"]


def test_event_cannot_be_changed(staff: Client) -> None:
    """The page shows and explains."""
    event = add_event("open")
    html = staff.get(page_of(event)).text
    assert "only after you have looked for it in Stripe" in html
    assert 'name="confirmed_at' not in html
    staff.post(page_of(event), {"identifier": "other"})
    event.refresh_from_db()
    assert event.identifier == "open"


def test_names_read_as_sentences() -> None:
    """In breadcrumbs and in the log of changes."""
    assert str(add("agent", "a-1", "cus_A")) == "agent a-1"
    assert str(add_event("usage:c-1")) == "usage:c-1"
