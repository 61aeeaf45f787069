"""The page on which staff see whether integrations may be called, and pause them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from integrations.budget import admit, hold, pause, record_failure, take_slot
from integrations.exceptions import AccessDenied, TemporaryFailure
from integrations.kinds import REQUESTS
from integrations.models import Budget
from integrations.rates import Rate
from tests.factories import EffectFactory
from tests.integrations.budgets import let_pass, read_budget
from webhooks.models import AuditEntry

pytestmark = pytest.mark.django_db

LIST = reverse("admin:integrations_budget_changelist")
DENIED = AccessDenied("HubSpot rejected our key")


def log_in(*permissions: str) -> Client:
    """Return a browser of somebody with these permissions and no others."""
    user = User.objects.create_user("vic", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    """Return a browser of somebody who may see, pause and resume."""
    return log_in("view_budget", "pause_integration")


def press(client: Client, action: str, *aliases: str, **more: str) -> str:
    """Choose rows and an action of the list, and answer what it asks; return the page then."""
    sent = {"action": action, "_selected_action": aliases}
    asked = client.post(LIST, sent, follow=True)
    assert asked.status_code == 200
    if not more:
        return asked.text
    response = client.post(asked.redirect_chain[-1][0], more, follow=True)
    assert response.status_code == 200
    return response.text


def test_all_four_are_there_before_anything_was_asked_of_them(operator: Client) -> None:
    """An integration can be paused before its first effect; opening twice changes nothing."""
    assert not Budget.objects.exists()
    for _ in range(2):
        rows = operator.get(LIST).context["cl"].result_list
        assert {row.alias for row in rows} == set(REQUESTS)


def test_list_says_in_words_how_each_is(operator: Client) -> None:
    """Paused by whom and why, held, circuit open, or open; and when the next slot is."""
    pause("crm", "ada", "The vendor moves our account")
    hold("tickets", timedelta(hours=1), "Zendesk answered 429.")
    for key in "abcde":
        record_failure("usage", TemporaryFailure("Stripe answered 503."), key)
    html = operator.get(LIST).text
    assert "Paused by ada since " in html
    assert ": The vendor moves our account. Effects wait until somebody resumes it." in html
    assert ": Zendesk answered 429." in html
    assert "then one of them tries again. The last 5 failed: Stripe answered 503." in html
    assert "Effects are run as they come." in html
    assert html.count("at once") == 1
    take_slot("tasks", Rate.parse("1/m"))
    assert "at once" not in operator.get(LIST).text


def test_page_says_how_the_circuit_is_tried(operator: Client) -> None:
    """About to probe, probing, and open again with a failure behind it."""
    page = reverse("admin:integrations_budget_change", args=["crm"])
    record_failure("crm", DENIED, "an effect")
    let_pass(timedelta(seconds=16))
    assert "The next effect tries whether it works again." in operator.get(page).text
    admit("crm")
    html = operator.get(page).text
    assert "One effect is trying whether it works again." in html
    assert "The last one failed: HubSpot rejected our key." in html


def test_list_says_what_the_settings_allow(operator: Client, settings: Settings) -> None:
    """The rate, the concurrency and a dry run; and that a backend cannot be built."""
    settings.INTEGRATIONS = {
        "crm": {
            "BACKEND": "integrations.memory.MemoryBackend",
            "OPTIONS": {"RATE": "190/10s", "CONCURRENCY": 4, "DRY_RUN": True},
        },
        "tickets": {"BACKEND": "integrations.memory.MemoryBackend"},
    }
    html = operator.get(LIST).text
    assert "dry run: nothing is sent, 190 requests in 10 s, 4 at once" in html
    assert ">none<" in html
    assert ">misconfigured<" in html


def test_pausing_asks_for_a_reason_first(operator: Client) -> None:
    """Without one nothing is paused, and the question is asked again; it says what would wait."""
    EffectFactory.create_batch(3, integration="crm")
    EffectFactory.create(integration="crm", state="succeeded")
    html = press(operator, "pause_selected", "crm", "usage")
    assert "Why?" in html
    assert "Pause CRM, usage" in html
    assert "CRM: effects that would wait now</td><td>3<" in html
    assert "Usage: effects that would wait now</td><td>0<" in html
    assert "Say why." not in html
    assert "Say why." in press(operator, "pause_selected", "crm", reason="  ")
    assert not Budget.objects.exclude(paused_at=None).exists()


def test_an_operator_pauses_and_resumes(operator: Client) -> None:
    """Both are on the row and in the audit list, by name, and are told once each."""
    html = press(operator, "pause_selected", "crm", "usage", reason="They move us.")
    assert "crm is paused." in html
    assert "usage is paused." in html
    budget = read_budget()
    assert (budget.paused_by, budget.paused_reason) == ("vic", "They move us.")
    assert not admit("usage").is_open
    assert "crm is paused already." in press(operator, "pause_selected", "crm", reason="Again.")
    assert "It is paused already." in press(operator, "pause_selected", "crm")
    asked = press(operator, "resume_selected", "crm")
    assert "CRM: Paused by vic since " in asked
    assert "CRM: effects that would begin to run</td><td>0<" in asked
    assert not admit("crm").is_open
    said = press(operator, "resume_selected", "crm", reason="They are done.")
    assert "crm: Lifted the pause by vic." in said
    assert admit("crm").is_open
    said = press(operator, "resume_selected", "crm", reason="x")
    assert "crm: Neither paused nor held, and its circuit is not open." in said
    entries = AuditEntry.objects.filter(subject_id="crm").order_by("pk")
    assert [(entry.action, entry.actor_name, entry.detail) for entry in entries] == [
        ("pause", "vic", "They move us."),
        ("resume", "vic", "They are done. Lifted the pause by vic."),
    ]
    assert {entry.subject_type for entry in entries} == {"integrations.budget"}


def test_page_of_an_integration_offers_what_helps(operator: Client) -> None:
    """A pause while it works, its end while it does not; and leads back to the page."""
    operator.get(LIST)
    page, pausing, resuming = (
        reverse(f"admin:integrations_budget_{name}", args=["crm"])
        for name in ("change", "pause_one", "resume_one")
    )
    html = operator.get(page).text
    assert pausing in html
    assert resuming not in html
    assert operator.post(pausing, {"reason": "They move us."}).headers["Location"] == page
    html = operator.get(page).text
    assert resuming in html
    assert pausing not in html
    assert operator.post(resuming, {"reason": ""}).headers["Location"] == page
    assert admit("crm").is_open
    assert resuming not in operator.get(LIST).text


def test_an_unknown_integration_is_not_found(operator: Client) -> None:
    """Neither is a deed that there is none of."""
    for path in ("crn/pause/", "crn/resume/", "ask/pause/?rows=crn", "ask/stop/?rows=crm"):
        assert operator.get(f"{LIST}{path}").status_code == 404


def test_an_operator_lifts_a_hold(operator: Client) -> None:
    """It may be another vendor's, and last for a day."""
    hold("crm", timedelta(hours=24), "HubSpot answered 429.")
    assert "crm: Lifted the hold until " in press(operator, "resume_selected", "crm", reason="x")
    assert admit("crm").is_open


@pytest.mark.parametrize("action", ["pause_selected", "resume_selected"])
def test_who_may_only_look_can_neither_pause_nor_resume(action: str) -> None:
    """The actions are not offered, and one that is sent all the same is refused."""
    viewer = log_in("view_budget")
    pause("crm", "ada", "Because.")
    before = list(Budget.objects.order_by("pk").values())
    assert action not in viewer.get(LIST).text
    sent = {"action": action, "_selected_action": ["crm", "tickets"]}
    assert viewer.post(LIST, sent).status_code == 403
    after = list(Budget.objects.filter(pk="crm").values())
    assert after == before
    assert not Budget.objects.filter(pk="tickets").exclude(paused_at=None).exists()


def test_who_may_not_look_sees_nothing() -> None:
    """To be allowed to pause is not enough to read the reasons."""
    stranger = log_in("view_event")
    assert stranger.get(LIST).status_code == 403


def test_nobody_writes_a_row(operator: Client) -> None:
    """Neither adds, changes nor deletes one, administrators included."""
    operator.force_login(User.objects.create_superuser("ada"))
    operator.get(LIST)
    page = reverse("admin:integrations_budget_change", args=["crm"])
    assert operator.post(page, {"failed_keys": "a"}).status_code == 403
    assert operator.get(reverse("admin:integrations_budget_add")).status_code == 403
    delete = reverse("admin:integrations_budget_delete", args=["crm"])
    assert operator.post(delete, {"post": "yes"}).status_code == 403
    operator.post(LIST, {"action": "delete_selected", "_selected_action": "crm", "post": "yes"})
    assert Budget.objects.count() == 4


def test_list_cannot_be_filtered_by_what_it_does_not_offer(operator: Client) -> None:
    """A column cannot be asked for letter by letter."""
    response = operator.get(LIST, {"failure_reason__startswith": "H"})
    assert response.status_code in {302, 400}
