"""How often the door asks Postgres."""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.ingest.door import Door
from tests.signing import build_event
from webhooks.ingest import afterwards
from webhooks.ingest.allowance import Allowance
from webhooks.ingest.sources import subscriptions
from webhooks.models import SigningSecret

pytestmark = pytest.mark.django_db


def test_accepted_delivery_is_one_statement(
    door: Door, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """With what it knows of the source at hand, an acknowledgement asks Postgres once."""
    door.send_signed(build_event())
    with django_assert_num_queries(1):
        assert door.send_signed(build_event()).status == 202


def test_duplicate_and_rejection_are_one_statement(
    door: Door,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither what is known nor what is refused costs more than one question.

    What a refusal comes from is found out when it has been answered, and that seldom.
    """
    monkeypatch.setattr(afterwards, "causes_allowance", Allowance(per_second=0))
    body = build_event()
    door.send_signed(body)
    with django_assert_num_queries(1):
        assert door.send_signed(body).outcome == (200, "duplicate")
    with django_assert_num_queries(1):
        assert door.send(body).status == 401


def test_unknown_addresses_are_remembered(
    door: Door, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Who knocks again and again at an address that is not there does not reach Postgres."""
    stranger = Door("nobody", client=door.client)
    stranger.send(b"")
    with django_assert_num_queries(0):
        assert stranger.send(b"").status == 404


def test_remembered_addresses_are_bounded(
    secret: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers who make addresses up do not fill the memory."""
    assert secret
    monkeypatch.setattr(type(subscriptions), "MAX_ENTRIES", 10)
    for number in range(25):
        subscriptions.find(f"nobody-{number}")
        assert len(subscriptions._entries) <= 10  # noqa: SLF001 -- there is no other way to see it
    assert subscriptions.find(secret.source.slug) is not None
