"""Somebody of each role, as the migration makes them."""

from django.contrib.auth.models import Group, User
from django.test import Client

ROLES = ("viewer", "operator", "administrator")
PASSWORD = "right-and-long-enough"


def make_person(role: str, name: str = "") -> User:
    """Return a new member of staff with that role."""
    user = User.objects.create_user(name or f"the-{role}", password=PASSWORD, is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    return user


def open_browser(role: str) -> Client:
    """Return a browser in which somebody of that role is logged in; nobody for `anonymous`."""
    client = Client()
    if role in ROLES:
        client.force_login(make_person(role))
    return client


def type_password(client: Client, name: str, password: str = PASSWORD, address: str = "") -> int:
    """Send the log-in form; return the answer's status."""
    headers = {"REMOTE_ADDR": address or "203.0.113.7"}
    form = {"username": name, "password": password}
    return client.post("/admin/login/?next=/admin/webhooks/event/", form, **headers).status_code  # type: ignore[arg-type]


def is_in(client: Client) -> bool:
    """Tell whether somebody is logged in in the browser."""
    return "_auth_user_id" in client.session
