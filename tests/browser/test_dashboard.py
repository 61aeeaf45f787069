"""Somebody of the operations staff opens the start page, and leaves it open."""

from playwright.sync_api import Page, expect

from integrations.budget import pause, resume
from tests.browser.morning import count
from tests.browser.pictures import shoot, shoot_for_readme, turn_dark
from tests.browser.scene import in_django
from tests.factories import EventFactory
from webhooks.models import Source


def happen() -> None:
    """Have the CRM paused and an event given up."""
    pause("crm", "ada", "It moves.")
    EventFactory.create(source=Source.objects.get(), status="dead")
    count()


def test_start_page_says_what_is_not_well_and_leads_there(page: Page) -> None:
    """The worst on top; a click on a number opens the rows that it counts."""
    page.goto("/admin/")
    expect(page.locator("#board-verdict")).to_contain_text("need somebody: retry, or close")
    shoot(page, "dashboard")
    shoot_for_readme(page, "dashboard", 1100)
    page.locator("#board-effects").get_by_role("row", name="Tickets").get_by_role(
        "link", name="2", exact=True
    ).first.click()
    expect(page.locator("#result_list tbody tr.data-row")).to_have_count(2)
    page.go_back()
    page.get_by_role("link", name="Week").click()
    expect(page).to_have_url("/admin/?window=week")
    shoot(page, "dashboard-week")
    turn_dark(page)
    page.goto("/admin/?window=hour")
    shoot(page, "dashboard-dark")


def test_page_that_is_left_open_stays_fresh_and_keeps_its_place(page: Page) -> None:
    """What is open stays open, what has the focus keeps it, and nothing jumps."""
    page.goto("/admin/")
    page.get_by_text("Deliveries by outcome, as a table").click()
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(200)
    link = page.locator("#board-backlog a").first
    link.focus()
    page.evaluate("window.isSamePage = true")
    top = page.evaluate("document.documentElement.scrollTop")
    canvas = page.evaluate_handle("document.querySelector('#board-deliveries canvas')")
    in_django(happen)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#board-verdict")).to_contain_text("CRM is paused by ada")
    expect(page.locator("#board-backlog")).to_contain_text("need somebody")
    assert page.evaluate("window.isSamePage")
    assert page.evaluate("document.documentElement.scrollTop") == top
    expect(page.locator("#board-deliveries-table")).to_have_attribute("open", "")
    expect(page.locator("#board-backlog a").first).to_be_focused()
    assert page.evaluate(
        "canvas => canvas === document.querySelector('#board-deliveries canvas')", canvas
    )
    assert page.evaluate("canvas => Chart.getChart(canvas) !== undefined", canvas)
    shoot(page, "dashboard-refreshed")
    in_django(lambda: resume("crm", "ada"))


def test_page_says_when_it_is_not_fresh_any_more(page: Page) -> None:
    """Where it cannot be refreshed, where one is logged out, and where one has stopped it."""
    page.goto("/admin/")
    trouble = page.locator("#board-trouble")
    # As an answer that is none: a status of 503 would be a complaint of the browser's.
    page.route("**/admin/dashboard/**", lambda route: route.fulfill(status=204))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(trouble).to_contain_text("could not be refreshed")
    page.unroute("**/admin/dashboard/**")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(trouble).to_be_empty()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Refresh by itself")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("button", name="Refresh by itself").click()
    expect(trouble).to_contain_text("You are not logged in any more")
    shoot(page, "dashboard-logged-out")
