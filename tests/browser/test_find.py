"""Somebody of the operations staff finds an event by what a caller tells them."""

from playwright.sync_api import Page, expect

from tests.browser.pictures import shoot
from tests.browser.scene import Scene


def test_caller_is_found_by_their_number_from_any_page(page: Page, scene: Scene) -> None:
    """The key leads to the box, and the number straight to the conversation."""
    page.goto("/admin/webhooks/effect/")
    page.keyboard.press("/")
    box = page.locator("#find")
    expect(box).to_be_focused()
    box.fill(scene.phone_number)
    box.press("Enter")
    expect(page).to_have_url(
        f"{scene.url}/admin/webhooks/conversation/{scene.conversation_pk}/change/"
    )
    assert scene.phone_number.lstrip("+") not in page.url


def test_what_was_found_is_shown_by_kind(page: Page, scene: Scene) -> None:
    """One can choose, on a wide screen, on a phone, and in the dark."""
    page.goto("/admin/search/")
    page.locator("#find").fill(scene.phone_number[-6:] + "0")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_text("What can be searched for")).to_be_visible()
    shoot(page, "search-nothing")


def test_lists_are_usable_on_any_screen(page: Page) -> None:
    """Views, filters and pages are in reach, and nothing makes the page wider than the screen."""
    page.goto("/admin/webhooks/effect/?needs=people")
    expect(page.get_by_role("navigation", name="Views of this list")).to_be_visible()
    expect(page.get_by_text("Times in ")).to_be_visible()
    shoot(page, "effects-view")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    shoot(page, "effects-view-phone-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_times_are_in_the_browsers_zone(page: Page, scene: Scene) -> None:
    """The browser says which, and the page names it."""
    assert scene
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    page.goto("/admin/webhooks/event/")
    expect(page.get_by_text(f"Times in {zone}")).to_be_visible()
