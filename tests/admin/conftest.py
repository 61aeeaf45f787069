"""People at the admin, and something for them to see."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.access.people import make_person
from tests.admin.story import Story, tell_story
from tests.factories import EventFactory
from tests.operations.brokers import no_broker
from webhooks.models import Event


@pytest.fixture
def story(db: None) -> Story:  # noqa: ARG001 -- asks for the database
    """Return a conversation of which everything has a row."""
    return tell_story()


@pytest.fixture
def staff(db: None) -> Client:  # noqa: ARG001 -- asks for the database
    """Return a browser in which an administrator is logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def viewer(db: None) -> Client:  # noqa: ARG001 -- asks for the database
    """Return a browser of somebody who may look at every list, but not at what was said."""
    client = Client()
    client.force_login(make_person("viewer", "vic"))
    return client


@pytest.fixture
def nobody_to_tell() -> Iterator[None]:
    """Have no broker."""
    with no_broker():
        yield


@pytest.fixture
def operator(db: None) -> Client:  # noqa: ARG001 -- asks for the database
    """Return a browser of somebody who may also see what was said and put right what failed."""
    client = Client()
    client.force_login(make_person("operator", "vic"))
    return client


@pytest.fixture
def dead() -> Event:
    """Return an event that was given up."""
    event: Event = EventFactory.create(status=Event.Status.DEAD, error="KeyError", attempts=16)
    return event
