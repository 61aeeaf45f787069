"""Somebody of the operations staff understands what happened to an event, without an engineer."""

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pictures import shoot, turn_dark
from tests.browser.scene import Scene

PHONE: ViewportSize = {"width": 390, "height": 844}


def test_event_says_why_it_created_no_ticket(page: Page, scene: Scene) -> None:
    """One click from the list, in words, beside what the event did lead to."""
    page.goto(f"/admin/webhooks/event/{scene.ended_pk}/change/")
    reasons = page.locator(".sb-reasons")
    expect(reasons.locator("li")).to_have_count(4)
    expect(reasons).to_contain_text("Its route asks for it only if the conversation failed")
    expect(page.locator(".sb-timeline")).to_contain_text("Signed with secret")
    shoot(page, "event-understood")
    turn_dark(page)
    shoot(page, "event-understood-dark")
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    shoot(page, "event-understood-phone")
    assert width <= PHONE["width"]


def test_what_was_said_is_shown_to_who_asks_and_then_masked_again(page: Page, scene: Scene) -> None:
    """By the keyboard alone; the page that follows says that the look is written down."""
    page.goto(f"/admin/webhooks/conversation/{scene.conversation_pk}/change/")
    content = page.locator("#content")
    expect(content).not_to_contain_text(scene.phone_number)
    shoot(page, "conversation-masked")
    page.get_by_role("button", name="Show what was said").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("written down, with your name")
    expect(content).to_contain_text(scene.phone_number)
    shoot(page, "conversation-shown")
    page.get_by_role("link", name="Mask it again").click()
    expect(content).not_to_contain_text(scene.phone_number)
    page.set_viewport_size(PHONE)
    shoot(page, "conversation-masked-phone")


def test_conversation_leads_to_what_the_crm_was_told_of_its_caller(
    page: Page, scene: Scene
) -> None:
    """The list has the effects, and each of them what was asked for, masked until one asks."""
    page.goto(f"/admin/webhooks/conversation/{scene.conversation_pk}/change/")
    page.get_by_role("link", name="What the CRM was told of this caller").click()
    rows = page.locator("#result_list tbody tr.data-row")
    expect(rows).to_have_count(3)
    shoot(page, "list-of-caller")
    rows.first.locator("a").first.click()
    page.locator("summary").click()
    expect(page.locator(".sb-payload pre")).to_contain_text("phone number, ends in")
    shoot(page, "effect-masked")


def test_rejected_delivery_says_what_to_do(page: Page, scene: Scene) -> None:
    """With the way to the source, where it is done."""
    assert scene
    for verification in ("signature_mismatch", "stale_timestamp"):
        page.goto(f"/admin/webhooks/delivery/?verification={verification}")
        page.locator("#result_list tbody tr.data-row").first.locator("a").first.click()
        expect(page.locator(".sb-meaning")).to_contain_text("What to do:")
        shoot(page, f"delivery-{verification}")
    page.get_by_role("link", name="Open the source").click()
    expect(page.get_by_role("heading", name="Signing secrets")).to_be_visible()


def test_failed_effect_and_dead_event_say_whose_fault_it_is(page: Page, scene: Scene) -> None:
    """And what to do, at the top of their pages."""
    page.goto("/admin/webhooks/effect/?needs=people")
    page.locator("#result_list tbody tr.data-row").first.locator("a").first.click()
    expect(page.locator(".sb-meaning")).to_contain_text("Whose fault:")
    shoot(page, "effect-failed-understood")
    page.goto(f"/admin/webhooks/event/{scene.dead_pk}/change/")
    expect(page.locator(".sb-meaning")).to_contain_text("ours: Switchboard itself")
    shoot(page, "event-dead-understood")
