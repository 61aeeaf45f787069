"""Every page keeps to the policy that browsers are told, and asks nothing of another host."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.scene import Scene

OWN = (
    "/admin/",
    "/admin/search/?q=c0ffee",
    "/admin/auth/user/second-factor/",
    "/admin/webhooks/apitoken/add/",
    "/admin/password_change/",
    "/admin/auth/user/add/",
    "/admin/webhooks/source/add/",
    "/admin/webhooks/route/add/",
)


def test_no_page_breaks_the_policy(page: Page, scene: Scene) -> None:
    """All lists, the first row of each, with its history, forms and menus opened, and the log-in.

    The fixture fails for what the console says (a violation is an error there) and for requests to
    other hosts; here violations are also collected from the event that browsers send.
    """
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => (window.broken ||= []).push("
        "`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"
    )
    page.goto("/admin/")
    links = page.locator("#nav-sidebar-apps").get_by_role("link").all()
    lists = {str(link.get_attribute("href")) for link in links}
    broken = {}
    for path in sorted(lists | set(OWN)):
        broken[path] = visit(page, path)
        rows = page.locator("#result_list tbody a[href*='/change/']")
        if rows.count():
            row = urlsplit(str(rows.first.get_attribute("href"))).path
            broken[row] = visit(page, row)
    assert {path: found for path, found in broken.items() if found} == {}
    assert len(broken) > 25
    page.context.clear_cookies()
    assert visit(page, "/admin/login/") == []
    expect(page.get_by_label("Username")).to_be_visible()
    assert page.url.startswith(scene.url)


def visit(page: Page, path: str) -> list[str]:
    """Open a page; return what it did against the policy."""
    answer = page.goto(path)
    assert answer
    assert answer.status == 200, path
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    page.wait_for_timeout(50)
    found: list[str] = page.evaluate("window.broken || []")
    return found
