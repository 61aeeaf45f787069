"""Somebody of the operations staff puts right what failed."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from playwright.sync_api import Page, expect

from tests.browser.scene import Scene
from tests.browser.test_admin import shoot
from webhooks.models import Replay
from webhooks.operations.runs import carry_out

WHY = "The help desk has the queue now."


def see_through(reason: str) -> None:
    """Do what a worker would with the run that was asked for with that reason.

    Not beside the browser, which Django takes for an event loop.
    """

    def work() -> None:
        carry_out(Replay.objects.get(reason=reason))
        connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


def test_a_refused_ticket_is_found_and_retried(page: Page) -> None:
    """From what needs people to the question, and from there to the record."""
    page.goto("/admin/webhooks/effect/?needs=people")
    rows = page.locator("#result_list tbody tr.data-row")
    expect(rows).to_have_count(1)
    rows.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("retry_chosen")
    shoot(page, "effects-marked")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#content")).to_contain_text("Tickets: tried again")
    page.get_by_label("Why?").fill(WHY)
    shoot(page, "effects-retry")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#run")).to_contain_text("Waiting for a worker")
    expect(page.locator("#content")).to_contain_text(WHY)
    shoot(page, "retry-waiting")
    see_through(WHY)
    # The page finds out by itself.
    expect(page.locator("#run")).to_contain_text("Finished")
    shoot(page, "retry")
    page.get_by_role("link", name="Its effects").click()
    expect(page.locator("#result_list tbody tr.data-row")).to_have_count(1)


def test_a_dead_event_is_closed_from_its_page(page: Page, scene: Scene) -> None:
    """The page says what went wrong, asks why it is to be closed, and then says that, too."""
    page.goto(f"/admin/webhooks/event/{scene.dead_pk}/change/")
    expect(page.locator(".sb-meaning").first).to_contain_text(
        "Given up after 16 attempts: KeyError."
    )
    shoot(page, "event-dead")
    page.locator(f'a[href="/admin/webhooks/event/{scene.dead_pk}/replay/"]').click()
    expect(page.locator("#content")).to_contain_text("Events: processed again")
    shoot(page, "event-replay")
    page.go_back()
    page.get_by_role("link", name="Close with a reason").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_label("Why?")).to_be_focused()
    page.get_by_label("Why?").fill("A test of ours.")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#run")).to_contain_text("Waiting for a worker")
    see_through("A test of ours.")
    page.goto(f"/admin/webhooks/event/{scene.dead_pk}/change/")
    expect(page.locator(".sb-meaning").first).to_contain_text("Closed by ada: A test of ours.")
    shoot(page, "event-closed")


def test_questions_fit_a_phone(page: Page, scene: Scene) -> None:
    """Nothing sticks out to the right of a narrow screen."""
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in {
        "phone-event-dead": f"/admin/webhooks/event/{scene.dead_pk}/change/",
        "phone-event-replay": f"/admin/webhooks/event/{scene.dead_pk}/replay/",
        "phone-effects-needing": "/admin/webhooks/effect/?needs=people",
    }.items():
        page.goto(path)
        shoot(page, name)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{path} is {width} px wide"
