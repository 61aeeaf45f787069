"""What Switchboard wrote down, nobody rewrites."""

import pytest
from django.db.models import Model
from django.test import Client

from tests.admin.pages import READ_ONLY, address, list_of, page_of
from webhooks.models import Delivery, Effect, Event, Route

pytestmark = pytest.mark.usefixtures("story")


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_changes_a_row(staff: Client, model: type[Model]) -> None:
    """A form that is sent all the same is refused."""
    row = model._default_manager.first()  # noqa: SLF001 -- documented API
    assert row is not None
    before = model._default_manager.values().get(pk=row.pk)  # noqa: SLF001
    changes = {"status": "processed", "state": "succeeded", "outcome": "accepted", "reason": "x"}
    assert staff.post(page_of(row), changes).status_code == 403
    assert model._default_manager.values().get(pk=row.pk) == before  # noqa: SLF001


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_adds_a_row(staff: Client, model: type[Model]) -> None:
    """There is no form to add one, and none is taken."""
    page = address(model, "add")
    assert staff.get(page).status_code == 403
    assert staff.post(page, {}).status_code == 403


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_deletes_a_row(staff: Client, model: type[Model]) -> None:
    """Neither on its page nor from the list."""
    row = model._default_manager.first()  # noqa: SLF001 -- documented API
    assert row is not None
    assert staff.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    staff.post(list_of(model), chosen)
    assert model._default_manager.filter(pk=row.pk).exists()  # noqa: SLF001


@pytest.mark.parametrize("model", [Event, Delivery, Effect])
def test_pages_offer_nothing_to_save(staff: Client, model: type[Model]) -> None:
    """A page to read has no button that suggests otherwise."""
    row = model._default_manager.first()  # noqa: SLF001 -- documented API
    assert row is not None
    html = staff.get(page_of(row)).text
    for button in ('name="_save"', 'name="_continue"', "deletelink"):
        assert button not in html


def test_routes_can_be_changed(staff: Client) -> None:
    """What people are to decide, they decide here."""
    route = Route.objects.filter(integration="tickets").first()
    assert route is not None
    sent = {
        "event_type": route.event_type,
        "integration": "tickets",
        "condition": route.condition,
    }
    assert staff.post(page_of(route), sent).status_code == 302
    route.refresh_from_db()
    assert route.is_active is False


def test_a_route_cannot_be_there_twice(staff: Client) -> None:
    """The form says so, instead of an error page."""
    route = Route.objects.first()
    assert route is not None
    sent = {
        "event_type": route.event_type,
        "integration": route.integration,
        "condition": route.condition,
    }
    response = staff.post(address(Route, "add"), sent)
    assert response.status_code == 200
    assert "routes_do_not_repeat" in response.text or "already exists" in response.text
