"""Somebody of the operations staff looks through the lists, and sets up what others use."""

from playwright.sync_api import Page, expect

from tests.browser.pictures import SCREENSHOTS, shoot, turn_dark
from tests.browser.scene import Scene


def test_lists_show_what_came_in(page: Page, scene: Scene) -> None:
    """Every list of the sidebar opens, and has no phone number in it."""
    page.goto("/admin/")
    sidebar = page.locator("#nav-sidebar-apps")
    links = {
        link.inner_text().split("\n")[-1].strip(): link.get_attribute("href")
        for link in sidebar.get_by_role("link").all()
    }
    own_pages = {"Second factor", "Password"}
    assert len(links) > 20
    for name, address in links.items():
        page.goto(str(address))
        if name not in own_pages:
            expect(page.locator("#changelist")).to_be_visible()
        expect(page.locator("#content")).not_to_contain_text(scene.phone_number)
        shoot(page, f"list-{name.lower().replace(' ', '-')}")


def test_filters_of_a_list_open_beside_it(page: Page, scene: Scene) -> None:
    """A search leaves what matches, and the filters do not hide it for good."""
    page.goto("/admin/webhooks/event/")
    page.get_by_role("textbox", name="Event id or conversation").fill(scene.conversation_uuid)
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr.data-row")).to_have_count(3)
    page.get_by_role("link", name="Filters").or_(page.get_by_role("button", name="Filters")).click()
    expect(page.locator("#changelist-filter")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "filters.png", animations="disabled")


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
    # The new one, which nobody uses: the other tests' is the old one.
    page.get_by_role("link", name="Retire").first.click()
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
    page.goto("/admin/webhooks/delivery/?outcome__exact=rejected")
    page.locator("#result_list th a").first.click()
    expect(page.locator("#content")).to_contain_text("The signature is right")
    shoot(page, "delivery-rejected")
