"""Pictures of pages, for people to look at after the tests.

    UPDATE_IMAGES=1 make test ARGS=tests/browser

also makes the README's two anew.
"""

import os
from pathlib import Path

from playwright.sync_api import FloatRect, Page, ViewportSize, expect

TESTS = Path(__file__).resolve().parent.parent
SCREENSHOTS = TESTS / "screenshots"
IMAGES = TESTS.parent / "docs" / "images"
README_WIDTH = 1280
PHONE: ViewportSize = {"width": 390, "height": 844}


def shoot(page: Page, name: str) -> None:
    """Write a picture of the whole page into the folder of the tests' pictures."""
    size = page.viewport_size
    assert size
    # Not `full_page`: what sticks to the window's bottom would cover the middle of the picture.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
    page.set_viewport_size(size)


def shoot_for_readme(page: Page, name: str, height: int) -> None:
    """Write the README's picture of the page's upper part, where its pictures are made anew."""
    if os.environ.get("UPDATE_IMAGES"):
        before = page.viewport_size
        assert before
        page.set_viewport_size({"width": README_WIDTH, "height": 2500})
        # Charts grow into their new width.
        page.wait_for_timeout(500)
        upper: FloatRect = {"x": 0, "y": 0, "width": README_WIDTH, "height": height}
        page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", clip=upper)
        page.set_viewport_size(before)


def turn_dark(page: Page) -> None:
    """Switch the admin to its dark theme, as the button in its corner does."""
    page.evaluate("localStorage.setItem('adminTheme', JSON.stringify('dark'))")
    page.reload()
    expect(page.locator("html")).to_have_class("dark")


def assert_fits_phone(page: Page) -> None:
    """Fail where something sticks out to the right of a narrow screen."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{page.url} is {width} px wide"
