"""Clients of the API, each with a token of its own."""

from itertools import count

from django.contrib.auth.models import Permission, User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

VIEW_ALL = ("view_event", "view_conversation", "view_effect")

numbers = count()


def make_user(*permissions: str, is_superuser: bool = False) -> User:
    """Return a user who has just these of the receiver's permissions."""
    user = User.objects.create_user(f"user-{next(numbers)}", is_superuser=is_superuser)
    granted = Permission.objects.filter(
        content_type__app_label="webhooks", codename__in=permissions
    )
    assert len(granted) == len(permissions)
    user.user_permissions.set(granted)
    return user


def make_client(*permissions: str, is_superuser: bool = False) -> APIClient:
    """Return a client that sends such a user's token."""
    token = Token.objects.create(user=make_user(*permissions, is_superuser=is_superuser))
    return APIClient(headers={"Authorization": f"Token {token.key}"})
