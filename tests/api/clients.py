"""Clients of the API, each with a token of its own."""

from itertools import count
from typing import Any

from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from tests.factories import EffectFactory
from webhooks.audit import actor_of_command
from webhooks.models import Effect, Event
from webhooks.operations.tokens import create_token

VIEW_ALL = (
    "view_delivery",
    "view_event",
    "view_conversation",
    "view_effect",
    "view_replay",
    "view_source",
    "view_signingsecret",
    "view_budget",
)

numbers = count()


def make_user(*permissions: str, is_superuser: bool = False) -> User:
    """Return one of the staff who has just these permissions."""
    user = User.objects.create_user(
        f"user-{next(numbers)}", is_superuser=is_superuser, is_staff=True
    )
    granted = Permission.objects.filter(
        content_type__app_label__in=["webhooks", "integrations"], codename__in=permissions
    )
    assert len(granted) == len(permissions)
    user.user_permissions.set(granted)
    return user


def make_client(*permissions: str, is_superuser: bool = False) -> APIClient:
    """Return a client that sends such a user's token."""
    return show_token(make_user(*permissions, is_superuser=is_superuser))


def show_token(user: User) -> APIClient:
    """Return a client that sends a token of the user."""
    value = create_token(user, f"token-{next(numbers)}", actor_of_command()).value
    return APIClient(headers={"Authorization": f"Bearer {value}"})


def make_dead(**values: Any) -> Effect:
    """Return an effect that is dead, of an event that was processed."""
    effect: Effect = EffectFactory.create(
        state=Effect.State.DEAD, event__status=Event.Status.PROCESSED, **values
    )
    return effect
