"""How the admin looks and what its sidebar holds, by django-unfold's names."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

PAGINATOR = "webhooks.admin.paginator.InfinitePaginator"
"""How lists are paged whose tables may be too large to count."""

CONVERSATION_LINK = "webhooks.admin.links.link_to_conversation"
"""How pages that know a conversation's id, and nothing else of it, lead to its page."""

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
    "STYLES": [lambda _: static("webhooks/admin.css")],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        # Indigo: white text on its 600 has a contrast of more than 4.5 to 1.
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        },
    },
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
                    link("Users", "person", "auth.user"),
                    link("Groups", "group", "auth.group"),
                ],
            },
        ],
    },
}
