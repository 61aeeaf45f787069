"""The product's books are read as they are, also where they are not what they must be."""

from django.db import connection

from tests.databases import conninfo
from tests.factories import AttemptFactory, DeliveryFactory, EffectFactory, EventFactory
from tests.faults.books import read_books
from webhooks.models import Attempt


def test_books_of_an_empty_database_are_empty(own_database: str) -> None:
    """Nothing received, nothing owed."""
    books = read_books(conninfo(own_database))
    assert (dict(books.events), books.effects) == ({}, ())


def test_event_is_read_with_the_deliveries_that_were_accepted(own_database: str) -> None:
    """Duplicates and conflicts are none of them."""
    event = EventFactory.create()
    for outcome in ("accepted", "duplicate", "conflict"):
        DeliveryFactory.create(event=event, outcome=outcome)
    (read,) = read_books(conninfo(own_database)).events.values()
    assert (read.event_id, read.status, read.accepted) == (str(event.event_id), event.status, 1)


def test_event_that_is_there_twice_shows_as_accepted_twice(own_database: str) -> None:
    """Where no constraint keeps it from being so."""
    first, second = EventFactory.create_batch(2)
    for event in (first, second):
        DeliveryFactory.create(event=event, outcome="accepted")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE webhooks_event DROP CONSTRAINT webhooks_event_event_id_key")
    type(first).objects.update(event_id=first.event_id)
    (read,) = read_books(conninfo(own_database)).events.values()
    assert read.accepted == 2


def test_effect_is_read_with_the_numbers_of_its_attempts(own_database: str) -> None:
    """In their order, with those that succeeded and those that are under way."""
    effect = EffectFactory.create(state="succeeded", attempts_made=3, external_id="x")
    outcomes = (Attempt.Outcome.TEMPORARY, Attempt.Outcome.SUCCEEDED, Attempt.Outcome.RUNNING)
    for number, outcome in enumerate(outcomes, start=1):
        AttemptFactory.create(effect=effect, number=number, outcome=outcome)
    (read,) = read_books(conninfo(own_database)).effects
    assert (read.key, read.event_id) == (effect.idempotency_key, str(effect.event.event_id))
    assert (read.integration, read.state) == (effect.integration, "succeeded")
    assert read.conversation == effect.conversation.conversation_uuid
    assert (list(read.numbers), list(read.succeeded), read.running) == ([1, 2, 3], [2], 1)


def test_effect_without_attempts_has_none(own_database: str) -> None:
    """As one that was skipped."""
    EffectFactory.create(state="skipped", reason="why")
    (read,) = read_books(conninfo(own_database)).effects
    assert (list(read.numbers), list(read.succeeded), read.running) == ([], [], 0)
    assert read.reason == "why"
