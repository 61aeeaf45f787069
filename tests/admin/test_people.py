"""Users, groups, and what each of them is offered."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.admin.pages import address, list_of, page_of
from webhooks.models import Event

pytestmark = pytest.mark.django_db


OWN = (
    "/admin/webhooks/apitoken/",
    "/admin/auth/user/second-factor/",
    "/admin/password_change/",
)
"""What everybody has of their own."""


def test_user_is_added_with_a_password(staff: Client) -> None:
    """The form takes a name and a password, and stores a hash."""
    sent = {"username": "bob", "usable_password": "true"}
    sent |= {"password1": "correct-horse-9", "password2": "correct-horse-9"}
    assert staff.get(address(User, "add")).status_code == 200
    assert staff.post(address(User, "add"), sent).status_code == 302
    assert User.objects.get(username="bob").check_password("correct-horse-9")


def test_password_and_group_pages_open(staff: Client) -> None:
    """They are unfold's own, like everything around them."""
    group = Group.objects.create(name="operators")
    assert staff.get(page_of(group)).status_code == 200
    bob = User.objects.create_user("bob")
    assert staff.get(f"{page_of(bob).removesuffix('change/')}password/").status_code == 200


def test_sidebar_has_the_lists_that_one_may_open() -> None:
    """Somebody who may look at events is not offered what would refuse them."""
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client = Client()
    client.force_login(user)
    groups = client.get("/admin/").context["sidebar_navigation"]
    offered = [str(item["link"]) for group in groups for item in group["items"]]
    allowed = [
        str(item["link"]) for group in groups for item in group["items"] if item["has_permission"]
    ]
    assert list_of(Event) in offered
    assert allowed == [list_of(Event), *OWN]


def test_sidebar_leads_to_every_list(staff: Client) -> None:
    """No list is there that one has to know the address of."""
    groups = staff.get("/admin/").context["sidebar_navigation"]
    links = {str(item["link"]) for group in groups for item in group["items"]}
    assert links - set(OWN) == {
        list_of(model)
        for model in admin.site._registry  # noqa: SLF001
        if list_of(model) not in OWN
    }
