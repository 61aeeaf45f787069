"""Somebody of the operations staff finds out what became of a call.

    UPDATE_IMAGES=1 make test ARGS=tests/browser

also makes the README's picture anew, in docs/images/.
"""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.scene import Scene

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"


def shoot(page: Page, name: str) -> None:
    """Write a picture of the whole page, where people can look at it after the tests."""
    size = page.viewport_size
    assert size
    # Not `full_page`: what sticks to the window's bottom would cover the middle of the picture.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)


def turn_dark(page: Page) -> None:
    """Switch the admin to its dark theme, as the button in its corner does."""
    page.evaluate("localStorage.setItem('adminTheme', JSON.stringify('dark'))")
    page.reload()
    expect(page.locator("html")).to_have_class("dark")


def test_lists_show_what_came_in(page: Page, scene: Scene) -> None:
    """Every list of the sidebar opens, and has no phone number in it."""
    page.goto("/admin/")
    shoot(page, "start")
    sidebar = page.locator("#nav-sidebar-apps")
    links = {
        link.inner_text().split("\n")[-1].strip(): link.get_attribute("href")
        for link in sidebar.get_by_role("link").all()
    }
    assert len(links) == 19
    for name, address in links.items():
        sidebar.locator(f'a[href="{address}"]').click()
        expect(page.locator("#changelist")).to_be_visible()
        expect(page.locator("#content")).not_to_contain_text(scene.phone_number)
        shoot(page, f"list-{name.lower().replace(' ', '-')}")


def test_event_leads_to_its_conversations_timeline(page: Page, scene: Scene) -> None:
    """From the list to the event, its payload, and all that happened in its conversation."""
    page.goto("/admin/webhooks/event/")
    page.get_by_role("textbox", name="Event id or conversation").fill(scene.conversation_uuid)
    page.keyboard.press("Enter")
    rows = page.locator("#result_list tbody tr.data-row")
    expect(rows).to_have_count(3)
    page.locator("a", has_text="Filters").click()
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / "filters.png")
    page.locator("#changelist-filter-close").click(position={"x": 5, "y": 5})
    rows.filter(has_text="conversation.ended").get_by_role("link").first.click()
    expect(page.locator(".sb-meaning")).to_contain_text("its effects are planned")
    payload = page.locator(".sb-payload pre")
    expect(payload).to_be_hidden()
    shoot(page, "event")
    page.get_by_text("Its fields, with what was said masked").click()
    expect(payload).to_contain_text("messages: [")
    shoot(page, "event-with-payload")
    page.get_by_role("link", name=scene.conversation_uuid[:8]).click()
    timeline = page.locator(".sb-timeline").first
    expect(timeline).to_contain_text("Delivery of conversation.started from demo")
    expect(timeline).to_contain_text("its event had come before with the same body")
    expect(timeline).to_contain_text("The help desk answered 503.")
    expect(timeline).to_contain_text("Done, with 3 attempts.")
    shoot(page, "conversation")
    if os.environ.get("UPDATE_IMAGES"):
        page.set_viewport_size({"width": 1400, "height": 3000})
        page.screenshot(
            path=IMAGES / "admin.png", clip={"x": 0, "y": 0, "width": 1400, "height": 1480}
        )
        page.set_viewport_size({"width": 1400, "height": 900})
    turn_dark(page)
    shoot(page, "conversation-dark")


def test_pages_fit_a_phone(page: Page, scene: Scene) -> None:
    """Nothing sticks out to the right of a narrow screen."""
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in {
        "phone-event": f"/admin/webhooks/event/{scene.ended_pk}/change/",
        "phone-conversation": f"/admin/webhooks/conversation/{scene.conversation_pk}/change/",
        "phone-events": "/admin/webhooks/event/",
    }.items():
        page.goto(path)
        shoot(page, name)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{path} is {width} px wide"


def test_new_secret_is_shown_once(page: Page) -> None:
    """Somebody rotates a source's secret, and finds only its fingerprint afterwards."""
    page.goto("/admin/webhooks/source/")
    page.locator("#result_list").get_by_role("link", name="Demo").click()
    expect(page.locator("#content")).to_contain_text("The sender posts to")
    shoot(page, "source")
    page.get_by_role("link", name="Add a secret").click()
    expect(page.get_by_role("button", name="Add the secret")).to_be_visible()
    shoot(page, "secret-add")
    page.get_by_text("Generate one").click()
    page.get_by_role("button", name="Add the secret").click()
    secret = page.locator(".sb-secret").inner_text()
    assert len(secret) == 64
    shoot(page, "secret-shown")
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_role("link", name="Retire")).to_have_count(2)
    assert secret not in page.content()
    shoot(page, "source-with-two-secrets")
    page.get_by_role("link", name="Retire").last.click()
    expect(page.get_by_role("button", name="Retire it")).to_be_visible()
    shoot(page, "secret-retire")
    page.get_by_role("button", name="Retire it").click()
    expect(page.get_by_role("link", name="Retire")).to_have_count(1)
    turn_dark(page)
    shoot(page, "source-dark")


def test_other_pages_look_as_they_should(page: Page) -> None:
    """What nobody clicks through above is looked at here, in pictures."""
    for name, path in {
        "source-add": "/admin/webhooks/source/add/?scheme=standard-webhooks",
        "route": "/admin/webhooks/route/1/change/",
        "user-add": "/admin/auth/user/add/",
        "user": "/admin/auth/user/1/change/",
        "empty": "/admin/webhooks/event/?q=nothing",
    }.items():
        page.goto(path)
        expect(page.locator("#content")).to_be_visible()
        shoot(page, name)
    for name, outcome in {"effect-refused": "refused it", "effect-done": "Done, with 3"}.items():
        page.goto("/admin/webhooks/effect/?integration__exact=tickets")
        shoot(page, "list-effects-of-tickets")
        links = page.locator("#result_list th a").all()
        for path in [str(link.get_attribute("href")) for link in links]:
            page.goto(path)
            if outcome in page.locator("#content").inner_text():
                shoot(page, name)
                break
        else:
            raise AssertionError(f"no effect says {outcome!r}")
    page.goto("/admin/webhooks/delivery/?outcome__exact=rejected")
    page.locator("#result_list th a").first.click()
    expect(page.locator("#content")).to_contain_text("The signature is right")
    shoot(page, "delivery-rejected")
