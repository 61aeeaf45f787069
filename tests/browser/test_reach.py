"""Everybody can use every page: whoever does not see well, and whoever has no mouse."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped] # ships no types
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import WIDE
from tests.browser.scene import Scene, in_django
from tests.factories import ReplayFactory
from webhooks.models import Replay

NOT_OURS = {
    ("aria-prohibited-attr", ".help-tooltip.search-label-icon"): (
        "Django's script for choosing several makes it; its words are the box's label as well."
    ),
}
"""What others' code makes where no template of ours reaches: rule and end of the selector, why."""

SERIOUS = {"serious", "critical"}

LOOK = """async ([dark, whole]) => {
    document.documentElement.classList.toggle('dark', dark);
    const rows = [...document.querySelectorAll('#result_list .data-row')].slice(8);
    const options = [...document.querySelectorAll('.selector option')].slice(4);
    const known = whole ? [] : [document.querySelector('#nav-sidebar')].filter(Boolean);
    const exclude = [...rows, ...options, ...known];
    const only = dark ? {runOnly: {type: 'rule', values: ['color-contrast']}} : {};
    const found = await axe.run(
        {include: document, exclude}, {resultTypes: ['violations'], preload: false, ...only});
    return found.violations.flatMap(({id, impact, nodes}) => nodes.map(
        ({target, failureSummary}) => ({id, impact, target: target.join(' '), failureSummary})));
}"""
"""Looks at a page; of what is repeated many times at the first, and at the sidebar where `whole`.

Dark differs in its colours alone, so only they are looked at there.
"""

STILL = "*, *::before, *::after { animation: none !important; transition: none !important; }"


@pytest.fixture
def bare(scene: Scene, browser: Browser, session: StorageState) -> Iterator[Page]:
    """Open a page whose policy does not keep axe-core out, a file of the tests' own."""
    context = browser.new_context(
        base_url=scene.url, viewport=WIDE, storage_state=session, bypass_csp=True
    )
    yield context.new_page()
    context.close()


def find_barriers(page: Page, *, whole: bool) -> list[str]:
    """Return what axe-core finds serious or critical on the page, in light and in dark."""
    page.add_style_tag(content=STILL)
    page.evaluate(AXE_SCRIPT)
    barriers = []
    for dark in (False, True):
        found: list[dict[str, Any]] = page.evaluate(LOOK, [dark, whole])
        barriers += [
            f"{one['id']} at {one['target']}{' in dark' if dark else ''}: {one['failureSummary']}"
            for one in found
            if one["impact"] in SERIOUS and not is_others(one)
        ]
    return barriers


def is_others(one: dict[str, Any]) -> bool:
    """Tell whether a finding is a known one of others."""
    return any(one["id"] == rule and one["target"].endswith(end) for rule, end in NOT_OURS)


def list_pages(page: Page, scene: Scene) -> list[str]:
    """Return the addresses of every list, and of what is no list or row."""
    page.goto("/admin/")
    links = page.locator("#nav-sidebar-apps").get_by_role("link").all()
    waiting = in_django(lambda: ReplayFactory.create(action=Replay.Action.REPLAY))
    event = f"/admin/webhooks/event/{scene.dead_pk}"
    return [
        "/admin/",
        *(str(link.get_attribute("href")) for link in links),
        "/admin/search/?q=nothing",
        "/admin/webhooks/event/?q=nothing",
        "/admin/webhooks/effect/?needs=people",
        f"{event}/change/",
        f"{event}/replay/",
        f"{event}/close/",
        f"/admin/webhooks/event/{scene.ended_pk}/change/",
        f"/admin/webhooks/conversation/{scene.conversation_pk}/change/",
        f"/admin/webhooks/replay/{waiting.pk}/change/",
        "/admin/webhooks/source/1/pause/",
        "/admin/webhooks/source/add/",
        "/admin/webhooks/route/add/",
        "/admin/webhooks/apitoken/add/",
        "/admin/auth/user/add/",
        "/admin/auth/group/add/",
    ]


def test_axe_finds_nothing_serious_on_any_page(bare: Page, scene: Scene) -> None:
    """Every list, one row's page of each, the questions, a run, and the log-in; light and dark."""
    barriers: dict[str, list[str]] = defaultdict(list)
    pages: list[str] = []

    def look_at(path: str) -> None:
        pages.append(path)
        for barrier in find_barriers(bare, whole=path == "/admin/"):
            barriers[barrier].append(path)

    for path in list_pages(bare, scene):
        answer = bare.goto(path)
        assert answer
        assert answer.status == 200, path
        look_at(path)
        rows = bare.locator("#result_list tbody a[href*='/change/']")
        if rows.count() and "?" not in path:
            row = urlsplit(str(rows.first.get_attribute("href"))).path
            bare.goto(row)
            look_at(row)
    assert len(pages) > 45
    bare.context.clear_cookies()
    bare.goto("/admin/login/")
    expect(bare.get_by_label("Username")).to_be_visible()
    look_at("/admin/login/")
    found = [f"{barrier}\n    on {', '.join(paths)}" for barrier, paths in barriers.items()]
    assert not found, "\n".join(found)


def test_account_is_left_by_the_keyboard(page: Page) -> None:
    """The menu is opened and closed by keys, and its last entry logs out."""
    page.goto("/admin/")
    menu = page.get_by_role("button", name="Your account: ada")
    menu.focus()
    page.keyboard.press("Enter")
    leave = page.get_by_role("button", name="Log out")
    expect(leave).to_be_visible()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(leave).to_be_hidden()
    page.keyboard.press("Enter")
    expect(leave).to_be_visible()
    for _ in range(6):
        page.keyboard.press("Tab")
        if leave.evaluate("button => button === document.activeElement"):
            break
    expect(leave).to_be_focused()


def test_what_has_the_focus_is_seen(page: Page, scene: Scene) -> None:
    """On the first steps of the keyboard through the dashboard, what was found, and a question."""
    for path in (
        "/admin/",
        "/admin/search/?q=nothing",
        f"/admin/webhooks/event/{scene.dead_pk}/close/",
    ):
        page.goto(path)
        page.locator("#content").evaluate("content => { content.tabIndex = -1; content.focus(); }")
        for _ in range(8):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                """() => {
                    const here = document.activeElement, style = getComputedStyle(here);
                    const outer = getComputedStyle(here.parentElement);
                    return here === document.body || here.offsetParent === null
                        || style.outlineStyle !== 'none' || style.boxShadow !== 'none'
                        || outer.outlineStyle !== 'none' ? '' : here.outerHTML;
                }"""
            )
            assert seen == "", path
