"""How the admin looks and what its sidebar holds, by django-unfold's names."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy

CHANGE_LIST = "webhooks.admin.find.paginator.KeysetChangeList"
"""How lists are paged whose tables may be too large to count."""

CONVERSATION_LINK = "webhooks.admin.words.links.link_to_conversation"
"""How pages that know a conversation's id, and nothing else of it, lead to its page."""

LOOK = "webhooks.admin.personal.looks.Look"
"""How pages that mask what was said show it to who asks, and write that down."""

PERSONAL_DATA_PERMISSION = "webhooks.view_payload"
"""What it takes to see phone numbers and what was said, wherever it is stored."""


def link(title: str, icon: str, model: str) -> dict[str, Any]:
    """Return the sidebar's entry for the list of `model`, written as app_label.model."""
    app_label, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app_label}_{name}_changelist"),
        "permission": may_see(app_label, name),
    }


def may_see(app_label: str, name: str) -> Callable[[HttpRequest], bool]:
    """Return what tells whether a request's user may open the list of that model."""
    view, change = f"{app_label}.view_{name}", f"{app_label}.change_{name}"
    return lambda request: request.user.has_perm(view) or request.user.has_perm(change)


def own_page(title: str, icon: str, name: str) -> dict[str, Any]:
    """Return the sidebar's entry for a page of the admin that everybody has of their own."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}")}


def is_about_users(path: str) -> bool:
    """Tell whether the page is the list of users, or one of them."""
    users = reverse("admin:auth_user_changelist")
    return path.startswith(users) and path != reverse("admin:auth_user_second_factor")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Switchboard",
    "SITE_HEADER": "Switchboard",
    "SITE_SUBHEADER": "Voice-agent webhooks",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _: static("webhooks/favicon.svg"),
        },
    ],
    "STYLES": [
        lambda _: static("webhooks/colours.css"),
        lambda _: static("webhooks/admin.css"),
    ],
    "SCRIPTS": [
        lambda _: static("webhooks/policy.js"),
        lambda _: static("webhooks/zone.js"),
        lambda _: static("webhooks/find.js"),
    ],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "webhooks.admin.dashboard.page.add_dashboard",
    "SHOW_HISTORY": lambda request: request.user.has_perm("webhooks.view_auditentry"),
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Traffic",
                "items": [
                    link("Conversations", "forum", "webhooks.conversation"),
                    link("Events", "bolt", "webhooks.event"),
                    link("Deliveries", "move_to_inbox", "webhooks.delivery"),
                    link("Rejections", "block", "webhooks.rejectioncount"),
                ],
            },
            {
                "title": "Effects",
                "items": [
                    link("Effects", "task_alt", "webhooks.effect"),
                    link("Attempts", "replay", "webhooks.attempt"),
                    link("Replays and retries", "history", "webhooks.replay"),
                    link("Integrations", "power", "integrations.budget"),
                ],
            },
            {
                "title": "Ledger",
                "items": [
                    link("Contacts", "contacts", "ledger.ledgercontact"),
                    link("Activities", "call", "ledger.ledgeractivity"),
                    link("Tickets", "confirmation_number", "ledger.ledgerticket"),
                    link("Follow-ups", "checklist", "ledger.ledgerfollowup"),
                    link("Usage records", "timer", "ledger.ledgerusagerecord"),
                ],
            },
            {
                "title": "Set-up",
                "items": [
                    link("Sources", "input", "webhooks.source"),
                    link("Routes", "alt_route", "webhooks.route"),
                    link("Stripe customers", "credit_card", "integrations.stripecustomer"),
                    link("Stripe meter events", "speed", "integrations.stripemeterevent"),
                ],
            },
            {
                "title": "People",
                "items": [
                    {
                        **link("Users", "person", "auth.user"),
                        # One's own second factor has an address below theirs.
                        "active": lambda request: is_about_users(request.path),
                    },
                    link("Groups", "group", "auth.group"),
                    link("Audit", "history_edu", "webhooks.auditentry"),
                ],
            },
            {
                "title": "Your account",
                "items": [
                    own_page("API tokens", "key", "webhooks_apitoken_changelist"),
                    own_page("Second factor", "phonelink_lock", "auth_user_second_factor"),
                    own_page("Password", "password", "password_change"),
                ],
            },
        ],
    },
}
