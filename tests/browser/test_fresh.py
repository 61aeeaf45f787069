"""A Switchboard that nobody has used yet says what to do first."""

from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WIDE, log_in
from tests.browser.pictures import shoot
from tests.browser.scene import PASSWORD, RECEIVERS_HASHERS, in_django
from tests.databases import create_database, django_on
from tests.processes import start_receiver


def test_empty_pages_say_what_comes_first(browser: Browser, database_template: str) -> None:
    """The dashboard and the lists are no blank pages: they lead to the first source."""
    settings = "config.settings.local"
    with create_database(database_template) as url:
        in_django(lambda: make_administrator(url))
        with start_receiver(url, DJANGO_SETTINGS_MODULE=settings) as receiver:
            context = browser.new_context(base_url=receiver.url, viewport=WIDE)
            page = context.new_page()
            log_in(page, "ada")
            expect(page.locator("#board-verdict")).to_be_visible()
            shoot(page, "fresh-dashboard")
            page.goto("/admin/webhooks/event/")
            expect(page.locator(".sb-nothing")).to_contain_text("No events yet")
            shoot(page, "fresh-events")
            page.goto("/admin/webhooks/source/")
            page.get_by_role("link", name="Add the first one").click()
            expect(page.get_by_role("navigation", name="Ways of signing")).to_be_visible()
            context.close()


def make_administrator(url: str) -> None:
    """Make an account in the database at `url`."""
    with django_on(url), override_settings(PASSWORD_HASHERS=RECEIVERS_HASHERS):
        User.objects.create_superuser("ada", password=PASSWORD)
