"""What an answer costs the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.factories import AttemptFactory, DeliveryFactory, EffectFactory
from webhooks.api.conversations import PERSONAL
from webhooks.models import Effect, Replay

pytestmark = pytest.mark.django_db

Limit = Callable[[int], AbstractContextManager[Any]]

# Whose token it is and what they may do takes 3; the rest is the answer's own. Once a minute it is
# noted that the token was used.
ASKING_WHO = 3


@pytest.fixture(autouse=True)
def used(viewer: APIClient, reader: APIClient) -> None:
    """Have the tokens' use noted already."""
    for client in (viewer, reader):
        assert client.get("/api/v1/deliveries/").status_code == 200


def make_effects(number: int) -> list[Effect]:
    """Create effects of as many conversations, with all that hangs on them."""
    effects = EffectFactory.create_batch(number, request={"subject": "Help"})
    for effect in effects:
        DeliveryFactory.create_batch(2, event=effect.event)
        EffectFactory.create(event=effect.event, conversation=effect.conversation)
        AttemptFactory.create_batch(2, effect=effect)
    return effects


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("deliveries", 1),
        ("events", 3),
        ("conversations", 1),
        ("effects", 1),
        ("replays", 1),
        ("integrations", 2),
        ("sources", 2),
    ],
)
def test_a_page_takes_the_same_number_of_queries_whatever_is_on_it(
    viewer: APIClient, django_assert_num_queries: Limit, path: str, own: int
) -> None:
    """One row and twenty cost the same, and none of the queries counts the table."""
    viewer.get("/api/v1/integrations/")  # their rows are made when they are first needed
    for number in (1, 19):
        make_effects(number)
        for _ in range(number):
            Replay.objects.create(requested_from="test", reason="test", selection={})
        with django_assert_num_queries(ASKING_WHO + own) as asked:
            response = viewer.get(f"/api/v1/{path}/")
        assert response.status_code == 200
        assert not [query for query in asked.captured_queries if "COUNT(" in query["sql"]]


def test_a_single_row_takes_a_fixed_number_of_queries(
    viewer: APIClient, django_assert_num_queries: Limit
) -> None:
    """A withheld field is not fetched afterwards, one by one."""
    effect = make_effects(1)[0]
    for path, own in {
        f"events/{effect.event.event_id}": 3,
        f"conversations/{effect.conversation.conversation_uuid}": 2,
        f"effects/{effect.pk}": 2,
    }.items():
        with django_assert_num_queries(ASKING_WHO + own):
            assert viewer.get(f"/api/v1/{path}/").status_code == 200


def test_what_is_not_shown_stays_in_the_database(viewer: APIClient, reader: APIClient) -> None:
    """Neither a list nor a withholding row fetches what was said in a conversation."""
    effect = make_effects(1)[0]
    single = f"/api/v1/conversations/{effect.conversation.conversation_uuid}/"
    for client, path in [(reader, "/api/v1/conversations/"), (viewer, single)]:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        said = " ".join(query["sql"] for query in asked.captured_queries)
        assert '"conversation_uuid"' in said
        assert not [name for name in PERSONAL if f'"{name}"' in said]


def test_bodies_and_requests_leave_the_database_only_to_be_shown(
    reader: APIClient,
) -> None:
    """No query but the payload's own names the column of bodies."""
    effect = make_effects(1)[0]
    event = f"/api/v1/events/{effect.event.event_id}/"
    conversation = f"/api/v1/conversations/{effect.conversation.conversation_uuid}/"
    lists = ["/api/v1/events/", "/api/v1/conversations/", "/api/v1/effects/"]
    for path in [*lists, event, conversation, f"/api/v1/effects/{effect.pk}/"]:
        with CaptureQueriesContext(connection) as asked:
            assert reader.get(path).status_code == 200
        said = " ".join(query["sql"] for query in asked.captured_queries)
        assert '"body"' not in said
        assert '"request"' not in said
    with CaptureQueriesContext(connection) as asked:
        reader.get(f"{event}payload/")
    assert len([query for query in asked.captured_queries if '"body"' in query["sql"]]) == 1
