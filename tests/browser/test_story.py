"""A morning in operations: somebody asks about a call, and what went wrong is put right."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDE, log_in
from tests.browser.pictures import PHONE, assert_fits_phone, shoot, shoot_for_readme
from tests.browser.scene import Scene

REASON = "A customer asked why they have no answer."
SECONDS = 30_000
"""How long a worker may take, in milliseconds, on a machine that is busy with other tests."""


def test_call_is_found_understood_and_processed_again(page: Page, scene: Scene) -> None:
    """From the dashboard by the caller's number to the event, what was said, and a replay."""
    page.goto("/admin/")
    expect(page.locator("#board-verdict")).to_contain_text("need somebody")
    page.keyboard.press("/")
    page.locator("#find").fill(scene.phone_number)
    page.keyboard.press("Enter")
    conversation = f"/admin/webhooks/conversation/{scene.conversation_pk}/change/"
    expect(page).to_have_url(scene.url + conversation)
    timeline = page.locator(".sb-timeline").first
    expect(timeline).to_contain_text("Delivery of conversation.started from demo")
    expect(timeline).to_contain_text("its event had come before with the same body")
    expect(timeline).to_contain_text("The help desk answered 503.")
    expect(timeline).to_contain_text("Done, with 3 attempts.")
    shoot(page, "story-conversation")
    timeline.locator(f"a[href*='/event/{scene.ended_pk}/']").first.click()

    content = page.locator("#content")
    expect(content).not_to_contain_text(scene.phone_number)
    shoot(page, "story-event")
    shoot_for_readme(page, "event", 1420)
    page.get_by_role("button", name="Show what was said").click()
    expect(page.get_by_role("status").first).to_contain_text("written down, with your name")
    expect(content).to_contain_text(scene.phone_number)
    page.goto(f"/admin/webhooks/event/{scene.ended_pk}/history/")
    entry = page.locator("#result_list tbody tr.data-row")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("ada")
    shoot(page, "story-audit")

    page.goto(f"/admin/webhooks/event/{scene.ended_pk}/replay/")
    expect(content).to_contain_text("Events: processed again")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_label("Why?")).to_be_focused()
    page.get_by_label("Why?").fill(REASON)
    shoot(page, "story-replay-asked")
    page.get_by_role("button", name="Replay").click()
    # The page finds out by itself what a worker does.
    expect(page.locator("#run")).to_contain_text("Finished", timeout=SECONDS)
    expect(content).to_contain_text(REASON)
    shoot(page, "story-replay-finished")
    page.get_by_role("link", name="Its events").click()
    expect(page.locator("#result_list tbody tr.data-row")).to_have_count(1)


def test_integration_is_paused_and_goes_on(page: Page) -> None:
    """It asks first and takes a reason; its page and the dashboard say so until it goes on."""
    page.goto("/admin/integrations/budget/tasks/pause")
    page.get_by_label("Why?").fill("They move house.")
    shoot(page, "story-integration-pause")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#content")).to_contain_text("They move house.")
    shoot(page, "story-integration-paused")
    page.goto("/admin/")
    expect(page.locator("#board-verdict")).to_contain_text("paused by ada")
    page.goto("/admin/integrations/budget/tasks/resume")
    page.get_by_role("button", name="Resume").click()
    page.goto("/admin/")
    expect(page.locator("#board-verdict")).not_to_contain_text("paused by ada")


def test_source_is_paused_and_goes_on(page: Page) -> None:
    """Its page says since when and why, and offers the way back."""
    page.goto("/admin/webhooks/source/")
    page.locator("#result_list").get_by_role("link", name="Demo").click()
    page.get_by_role("link", name="Pause", exact=True).click()
    page.get_by_label("Why?").fill("The sender tests.")
    shoot(page, "story-source-pause")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#content")).to_contain_text("by ada: The sender tests.")
    shoot(page, "story-source-paused")
    page.get_by_role("link", name="Resume", exact=True).click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name="Pause", exact=True)).to_be_visible()


def test_viewer_is_offered_nothing_more_and_refused_by_address(
    browser: Browser, scene: Scene
) -> None:
    """They see the traffic, masked; each door beyond answers 403, though its address is known."""
    context = browser.new_context(base_url=scene.url, viewport=WIDE)
    page = context.new_page()
    log_in(page, "grace")
    shoot(page, "story-viewer-dashboard")
    event = f"/admin/webhooks/event/{scene.ended_pk}"
    page.goto(f"{event}/change/")
    expect(page.locator("#content")).to_contain_text("takes a permission that you do not have")
    expect(page.get_by_role("button", name="Show what was said")).to_have_count(0)
    expect(page.locator(f"a[href='{event}/replay/']")).to_have_count(0)
    shoot(page, "story-viewer-event")
    for path in (
        f"{event}/replay/",
        f"/admin/webhooks/event/{scene.dead_pk}/close/",
        "/admin/webhooks/source/1/pause/",
        "/admin/webhooks/auditentry/",
        "/admin/auth/user/",
    ):
        answer = page.goto(path)
        assert answer
        assert answer.status == 403, path
    shoot(page, "story-viewer-refused")
    context.close()


def test_same_is_in_reach_on_a_phone(page: Page, scene: Scene) -> None:
    """Nothing sticks out of the dashboard, a list, an event's page, or a question."""
    page.set_viewport_size(PHONE)
    for name, path in {
        "phone-dashboard": "/admin/",
        "phone-events": "/admin/webhooks/event/",
        "phone-event": f"/admin/webhooks/event/{scene.ended_pk}/change/",
        "phone-conversation": f"/admin/webhooks/conversation/{scene.conversation_pk}/change/",
        "phone-event-dead": f"/admin/webhooks/event/{scene.dead_pk}/change/",
        "phone-event-replay": f"/admin/webhooks/event/{scene.dead_pk}/replay/",
        "phone-effects-needing": "/admin/webhooks/effect/?needs=people",
    }.items():
        page.goto(path)
        shoot(page, name)
        assert_fits_phone(page)
