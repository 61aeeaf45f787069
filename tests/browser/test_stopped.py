"""Somebody of the operations staff puts right what failed."""

from playwright.sync_api import Page, expect

from tests.browser.pictures import shoot
from tests.browser.scene import Scene

WHY = "The help desk has the queue now."


SECONDS = 30_000
"""How long a worker may take, in milliseconds, on a machine that is busy with other tests."""


def test_a_refused_ticket_is_found_and_retried(page: Page) -> None:
    """From what needs people to the question, and from there to the record."""
    page.goto("/admin/webhooks/effect/?needs=people")
    rows = page.locator("#result_list tbody tr.data-row")
    expect(rows.first).to_be_visible()
    rows.last.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("retry_chosen")
    shoot(page, "effects-marked")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#content")).to_contain_text("Tickets: tried again")
    page.get_by_label("Why?").fill(WHY)
    shoot(page, "effects-retry")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#content")).to_contain_text(WHY)
    # The page finds out by itself what a worker does.
    expect(page.locator("#run")).to_contain_text("Finished", timeout=SECONDS)
    shoot(page, "retry")
    page.get_by_role("link", name="Its effects").click()
    expect(page.locator("#result_list tbody tr.data-row")).to_have_count(1)


def test_a_dead_event_is_closed_from_its_page(page: Page, scene: Scene) -> None:
    """The page says what went wrong, asks why it is to be closed, and then says that, too."""
    page.goto(f"/admin/webhooks/event/{scene.closing_pk}/change/")
    expect(page.locator(".sb-meaning").first).to_contain_text(
        "Given up after 16 attempts: KeyError."
    )
    shoot(page, "event-dead")
    page.locator(f'a[href="/admin/webhooks/event/{scene.closing_pk}/replay/"]').click()
    expect(page.locator("#content")).to_contain_text("Events: processed again")
    shoot(page, "event-replay")
    page.go_back()
    page.get_by_role("link", name="Close with a reason").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_label("Why?")).to_be_focused()
    page.get_by_label("Why?").fill("A test of ours.")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#run")).to_contain_text("Finished", timeout=SECONDS)
    page.goto(f"/admin/webhooks/event/{scene.closing_pk}/change/")
    expect(page.locator(".sb-meaning").first).to_contain_text("Closed by ada: A test of ours.")
    shoot(page, "event-closed")
