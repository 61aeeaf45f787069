"""Whatever goes wrong, there are words for whose fault it is and what to do."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import integrations
import webhooks
from integrations.exceptions import IntegrationError
from integrations.models import Budget
from tests.factories import AttemptFactory, DeliveryFactory, EffectFactory, EventFactory
from webhooks.admin.words.advice import ONE_ROW, Advice, Place, Whose, find_links
from webhooks.admin.words.explanations import explain_attempt, explain_effect, explain_event
from webhooks.admin.words.faults import CLASSES, OURS, WORDS, find_fault
from webhooks.admin.words.next_steps import (
    BUDGETS,
    SKIPS,
    advise_attempt,
    advise_effect,
    advise_event,
)
from webhooks.admin.words.verifications import (
    ADVICE,
    ADVICE_ON_CAUSES,
    CAUSES,
    OUTCOMES,
    VERIFICATIONS,
    advise_delivery,
    explain_delivery,
)
from webhooks.models import Attempt, Delivery, Effect, Event


def load_all() -> None:
    """Import every module in which an error's class may be."""
    for package in (integrations, webhooks):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in module.name:
                importlib.import_module(module.name)


def list_classes(error: type[Exception]) -> Iterator[type[Exception]]:
    """Yield an error's class and all that are made of it in the product."""
    if error.__module__.startswith(("integrations", "webhooks")):
        yield error
    for below in error.__subclasses__():
        yield from list_classes(below)


def test_each_class_of_error_has_words_of_its_own() -> None:
    """A new one without an entry would be called a fault of Switchboard's."""
    load_all()
    names = {error.__name__ for error in list_classes(IntegrationError)}
    assert {"KeyRejected", "OutOfSlots", "Conflict", "Fault"} < names
    assert names - set(CLASSES) == set()


def test_each_of_the_words_stands_in_the_source() -> None:
    """An error that is worded otherwise one day takes its advice along."""
    sources = [
        "".join(path.read_text().split('"\n'))
        for package in ("integrations", "webhooks/processing")
        for path in Path(package).rglob("*.py")
    ]
    for words, _ in WORDS:
        assert any(words in source for source in sources), words


def test_unknown_error_is_a_fault_of_ours() -> None:
    """What no backend declares was not meant to happen."""
    said = "KeyError, which the integration does not declare; the log of the time says where."
    assert find_fault("KeyError", said) is OURS
    assert OURS.whose is Whose.OURS


@pytest.mark.parametrize(
    ("error_class", "error", "whose"),
    [
        ("Unreachable", "HubSpot could not be reached at api.hubapi.com:443.", Whose.VENDOR),
        ("Unreachable", "The name in the address of HubSpot is not known.", Whose.SETUP),
        ("TemporaryFailure", "Zendesk failed with status 502.", Whose.VENDOR),
        ("TemporaryFailure", "The ledger was not written: OperationalError", Whose.OURS),
        ("AccessDenied", "HubSpot denied access with status 401.", Whose.SETUP),
        ("RateLimited", "Linear has had enough requests for now.", Whose.NOBODY),
        ("PermanentFailure", "Zendesk refused the request with status 422.", Whose.SETUP),
        ("PermanentFailure", "No event says how long the conversation was.", Whose.SENDER),
        ("", "The worker did not come back within its lease.", Whose.OURS),
    ],
)
def test_failure_is_put_down_to_whose_it_is(error_class: str, error: str, whose: Whose) -> None:
    """The words of an error go before its class."""
    assert find_fault(error_class, error).whose is whose


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "standing"), list(product(Effect.State.values, [None, *Budget.State.values]))
)
def test_effect_has_words_in_every_state(state: str, standing: str | None) -> None:
    """However its integration stands, and after an attempt that failed or without one."""
    now = timezone.now()
    budget = stand(standing) if standing else None
    reasons = list(SKIPS) if state == "skipped" else ["", "Zendesk failed with status 502."]
    for reason in reasons:
        effect = EffectFactory.create(state=state, reason=reason, attempts_made=len(reason) and 2)
        assert explain_effect(effect, budget).strip(" .")
        advice = advise_effect(effect, "TemporaryFailure" if reason else "", budget, now)
        assert (advice is None) is (state == "succeeded")
        if advice is not None:
            assert advice.todo.endswith(".")
            assert advice.place not in ONE_ROW or advice.key


def stand(standing: str) -> Budget:
    """Return a budget in this state."""
    later = timezone.now() + timedelta(minutes=5)
    standings: dict[str, dict[str, Any]] = {
        Budget.State.PAUSED: {"paused_at": timezone.now(), "paused_by": "ada"},
        Budget.State.HELD: {"held_until": later},
        Budget.State.BROKEN: {"open_until": later},
        Budget.State.PROBING: {"open_until": later, "is_probing": True},
        Budget.State.HALF_OPEN: {"open_until": timezone.now()},
        Budget.State.OPEN: {},
    }
    given = standings[standing]
    budget = Budget(alias="crm", paused_reason="Why", held_reason="Why", **given)
    assert budget.read_state(timezone.now()) == standing
    return budget


def test_each_standing_of_an_integration_has_words() -> None:
    """None of them leaves an effect that waits without a reason."""
    assert set(BUDGETS) == set(Budget.State)


@pytest.mark.django_db
@pytest.mark.parametrize("status", Event.Status.values)
@pytest.mark.parametrize("error", ["", "KeyError", "UnprojectableBodyError: it is gone"])
def test_event_has_words_in_every_state(status: str, error: str) -> None:
    """Only one that is processed needs no advice."""
    event = EventFactory.create(status=status, error=error)
    assert explain_event(event)
    advice = advise_event(event)
    assert (advice is None) is (status == "processed")
    assert advice is None or advice.todo.endswith(".")


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", Attempt.Outcome.values)
def test_attempt_has_words_for_every_outcome(outcome: str) -> None:
    """Those that failed say whose fault it was; one that went well says how long it took."""
    attempt = AttemptFactory.create(outcome=outcome)
    assert bool(explain_attempt(attempt)) is (outcome != "succeeded")
    assert bool(advise_attempt(attempt)) is (outcome in ("temporary", "permanent", "lost"))


@pytest.mark.django_db
def test_delivery_has_words_for_every_verdict_and_cause() -> None:
    """Each that was turned away says whose fault it is, what to do and, mostly, where."""
    for mapping, choices in (
        (OUTCOMES, set(Delivery.Outcome) - {Delivery.Outcome.REJECTED}),
        (VERIFICATIONS, set(Delivery.Verification)),
        (ADVICE, set(Delivery.Verification)),
        (CAUSES, set(Delivery.Cause)),
        (ADVICE_ON_CAUSES, set(Delivery.Cause)),
    ):
        assert set(mapping) == choices
    told = set()
    for verification, cause in product(Delivery.Verification, ["", *Delivery.Cause]):
        delivery = DeliveryFactory.create(
            event=None, outcome="rejected", verification=verification, cause=cause, reason="odd"
        )
        advice = advise_delivery(delivery)
        assert advice is not None
        assert advice.todo.endswith(".")
        assert advice.place is None or advice.key == delivery.source_id
        told.add(explain_delivery(delivery))
    assert len(told) >= len(Delivery.Verification) + len(Delivery.Cause) - 1


@pytest.mark.django_db
@pytest.mark.parametrize("place", Place)
def test_link_leads_to_a_page_of_the_admin_for_who_may_open_it(place: Place) -> None:
    """Nobody is sent to a page that refuses them."""
    advice = Advice(Whose.SETUP, "Do it.", place).at(source=1, alias="crm")
    (link,) = find_links(advice, User.objects.create_superuser("ada"))
    assert link.url.startswith("/admin/")
    assert list(find_links(advice, User.objects.create_user("nil", is_staff=True))) == []
