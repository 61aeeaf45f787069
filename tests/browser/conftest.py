"""A browser that is logged in to a Switchboard with something to see."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.scene import PASSWORD, Scene, play_scene
from tests.processes import start_receiver

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).resolve().parent.parent / "screenshots"


@pytest.fixture
def scene(own_database: str) -> Iterator[Scene]:
    """Run the receiver, and have conversations come in through its door and be processed."""
    settings = "config.settings.local"
    with start_receiver(own_database, DJANGO_SETTINGS_MODULE=settings) as receiver:
        yield play_scene(receiver.url)


@pytest.fixture
def browser(scene: Scene) -> Iterator[Browser]:  # noqa: ARG001 -- Django refuses to be asked while this runs
    """Start Debian's Chromium."""
    if not CHROMIUM.exists():
        pytest.skip(f"There is no {CHROMIUM}: install Debian's package chromium.")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start as root, and all that it visits is our own.
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(scene: Scene, browser: Browser) -> Iterator[Page]:
    """Log the administrator in, and fail where a page reports an error or asks another host."""
    page = browser.new_page(
        base_url=scene.url, viewport={"width": 1400, "height": 900}, locale="en-GB"
    )
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on(
        "request",
        lambda request: (
            complaints.append(request.url)
            if not request.url.startswith((scene.url, "data:"))
            else None
        ),
    )
    page.goto("/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Dashboard | Switchboard")
    yield page
    assert complaints == []
