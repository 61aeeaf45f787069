"""A browser that is logged in to a Switchboard with something to see.

All tests of this folder share one receiver, one worker and what there is to see: a test changes
only rows that are its own, or puts them back.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django import DjangoDbBlocker

from tests.browser.scene import PASSWORD, Scene, play_scene
from tests.databases import create_database, django_on
from tests.processes import start_receiver, start_worker

CHROMIUM = Path("/usr/bin/chromium")
WIDE: ViewportSize = {"width": 1400, "height": 900}


@pytest.fixture(scope="package")
def scene(database_template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """Run the receiver, have conversations come in through its door, and then run a worker."""
    settings = "config.settings.local"
    with (
        create_database(database_template) as url,
        django_db_blocker.unblock(),
        django_on(url),
        start_receiver(url, DJANGO_SETTINGS_MODULE=settings) as receiver,
    ):
        played = play_scene(receiver.url)
        with start_worker(url, DJANGO_SETTINGS_MODULE=settings, WORKER_CONCURRENCY="1"):
            yield played


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def session(scene: Scene, browser: Browser) -> StorageState:
    """Log the administrator in, once: the session is everybody's below."""
    page = browser.new_page(base_url=scene.url)
    log_in(page, "ada")
    state = page.context.storage_state()
    page.context.close()
    return state


def log_in(page: Page, name: str) -> None:
    """Log somebody in by the form, as people do."""
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Dashboard | Switchboard")


@pytest.fixture
def context(scene: Scene, browser: Browser, session: StorageState) -> Iterator[BrowserContext]:
    """Open a window for the administrator."""
    context = browser.new_context(
        base_url=scene.url, viewport=WIDE, locale="en-GB", storage_state=session
    )
    yield context
    context.close()


@pytest.fixture
def page(scene: Scene, context: BrowserContext) -> Iterator[Page]:
    """Open the administrator's page; fail where one reports an error or asks another host."""
    page = context.new_page()
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
    yield page
    assert complaints == []
