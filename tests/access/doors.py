"""Every door of the admin and the API, and who may go through it: the one table.

`tests/access/test_doors.py` fails for a page, an action or an address that is not here, so whoever
adds one decides who it is for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

EVERYBODY = ("viewer", "operator", "administrator")
OPERATORS = ("operator", "administrator")
ADMINISTRATORS = ("administrator",)
NOBODY: tuple[str, ...] = ()

Allowed = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may look there (GET), and who may do something there (POST)."""

    look: Allowed
    act: Allowed


def both(allowed: Allowed) -> Door:
    """Return a door at which looking and acting take the same."""
    return Door(allowed, allowed)


def pages_of(
    model: str,
    see: Allowed,
    *,
    add: Allowed = NOBODY,
    change: Allowed = NOBODY,
    delete: Allowed = NOBODY,
) -> dict[str, Door]:
    """Return Django's own pages of a model."""
    return {
        f"{model}_changelist": both(see),
        f"{model}_change": Door(see, change),
        f"{model}_add": both(add),
        f"{model}_delete": both(delete),
        f"{model}_history": both(ADMINISTRATORS),
    }


def views_of(model: str) -> dict[str, Door]:
    """Return where views of a model's list are kept and deleted; the one here is everybody's."""
    return {
        f"{model}_save_view": Door(NOBODY, OPERATORS),
        f"{model}_delete_view": Door(NOBODY, ADMINISTRATORS),
    }


SET_UP = {"add": ADMINISTRATORS, "change": ADMINISTRATORS, "delete": ADMINISTRATORS}

ADMIN: dict[str, Door] = {
    "index": both(EVERYBODY),
    "dashboard": Door(EVERYBODY, NOBODY),
    "find": both(EVERYBODY),
    "search": both(EVERYBODY),
    "app_list": both(EVERYBODY),
    "password_change": both(EVERYBODY),
    "password_change_done": Door(EVERYBODY, NOBODY),
    "auth_user_second_factor": both(EVERYBODY),
    # Traffic
    **pages_of("webhooks_conversation", EVERYBODY),
    **views_of("webhooks_conversation"),
    "webhooks_conversation_look": Door(EVERYBODY, OPERATORS),
    **pages_of("webhooks_event", EVERYBODY),
    **views_of("webhooks_event"),
    "webhooks_event_look": Door(EVERYBODY, OPERATORS),
    "webhooks_event_ask/replay": both(OPERATORS),
    "webhooks_event_ask/close": both(OPERATORS),
    "webhooks_event_replay_one": both(OPERATORS),
    "webhooks_event_close_one": both(OPERATORS),
    **pages_of("webhooks_delivery", EVERYBODY),
    **views_of("webhooks_delivery"),
    **pages_of("webhooks_rejectioncount", EVERYBODY),
    # Effects
    **pages_of("webhooks_effect", EVERYBODY),
    **views_of("webhooks_effect"),
    "webhooks_effect_look": Door(EVERYBODY, OPERATORS),
    "webhooks_effect_ask/retry": both(OPERATORS),
    "webhooks_effect_ask/close": both(OPERATORS),
    "webhooks_effect_ask/redo": both(ADMINISTRATORS),
    "webhooks_effect_retry_one": both(OPERATORS),
    "webhooks_effect_close_one": both(OPERATORS),
    "webhooks_effect_redo_one": both(ADMINISTRATORS),
    **pages_of("webhooks_attempt", EVERYBODY),
    **views_of("webhooks_attempt"),
    **pages_of("webhooks_replay", EVERYBODY),
    "webhooks_replay_progress": both(EVERYBODY),
    "webhooks_replay_stop_one": both(OPERATORS),
    **pages_of("integrations_budget", EVERYBODY),
    "integrations_budget_ask/pause": both(OPERATORS),
    "integrations_budget_ask/resume": both(OPERATORS),
    "integrations_budget_pause_one": both(OPERATORS),
    "integrations_budget_resume_one": both(OPERATORS),
    # Ledger
    **pages_of("ledger_ledgercontact", EVERYBODY),
    "ledger_ledgercontact_look": Door(EVERYBODY, OPERATORS),
    **pages_of("ledger_ledgeractivity", EVERYBODY),
    "ledger_ledgeractivity_look": Door(EVERYBODY, OPERATORS),
    **pages_of("ledger_ledgerticket", EVERYBODY, change=OPERATORS),
    "ledger_ledgerticket_look": Door(EVERYBODY, OPERATORS),
    **pages_of("ledger_ledgerfollowup", EVERYBODY, change=OPERATORS),
    "ledger_ledgerfollowup_look": Door(EVERYBODY, OPERATORS),
    **pages_of("ledger_ledgerusagerecord", EVERYBODY),
    # Set-up
    **pages_of("webhooks_source", EVERYBODY, **SET_UP),
    "webhooks_source_pause": both(OPERATORS),
    "webhooks_source_resume": both(OPERATORS),
    "webhooks_signingsecret_add": both(ADMINISTRATORS),
    "webhooks_signingsecret_retire": both(ADMINISTRATORS),
    **pages_of("webhooks_route", EVERYBODY, **SET_UP),
    **pages_of("integrations_stripecustomer", ADMINISTRATORS, **SET_UP),
    **pages_of("integrations_stripemeterevent", ADMINISTRATORS, delete=ADMINISTRATORS),
    # People; of tokens, everybody sees their own, and the one that is looked at is an operator's.
    **pages_of("webhooks_apitoken", ADMINISTRATORS, add=EVERYBODY),
    "webhooks_apitoken_changelist": both(EVERYBODY),
    "webhooks_apitoken_revoke": both(ADMINISTRATORS),
    **pages_of("webhooks_auditentry", ADMINISTRATORS),
    **pages_of("auth_user", ADMINISTRATORS, **SET_UP),
    **pages_of("auth_group", ADMINISTRATORS, **SET_UP),
    "auth_user_password_change": both(ADMINISTRATORS),
    "auth_user_second_factor_remove": both(ADMINISTRATORS),
}
"""Pages of the admin by the names of their addresses; after a slash, what is asked about there."""

OPEN_TO_ALL = frozenset({"login", "login_code", "logout", "jsi18n", "view_on_site", "autocomplete"})
"""Addresses of the admin that hold nothing: who may log in is asked there, and Django's own."""

ASKED = {
    "webhooks_event_ask": ("replay", "close"),
    "webhooks_effect_ask": ("retry", "close", "redo"),
    "integrations_budget_ask": ("pause", "resume"),
}
"""What the pages ask about that are reached from lists."""

ACTIONS: dict[str, Allowed] = {
    "webhooks.event replay_chosen": OPERATORS,
    "webhooks.event close_chosen": OPERATORS,
    "webhooks.effect retry_chosen": OPERATORS,
    "webhooks.effect close_chosen": OPERATORS,
    "webhooks.effect redo_chosen": ADMINISTRATORS,
    "integrations.budget pause_selected": OPERATORS,
    "integrations.budget resume_selected": OPERATORS,
    "ledger.ledgerticket mark_done": OPERATORS,
    "ledger.ledgerticket reopen": OPERATORS,
    "ledger.ledgerfollowup mark_done": OPERATORS,
    "ledger.ledgerfollowup reopen": OPERATORS,
    "webhooks.route delete_selected": ADMINISTRATORS,
    "auth.group delete_selected": ADMINISTRATORS,
    "integrations.stripecustomer delete_selected": ADMINISTRATORS,
}
"""Actions of lists by their model and name."""

API: dict[str, Allowed] = {
    "get delivery-list": EVERYBODY,
    "get delivery-detail": EVERYBODY,
    "get event-list": EVERYBODY,
    "get event-detail": EVERYBODY,
    "get event-payload": OPERATORS,
    "post event-replay": OPERATORS,
    "post event-preview-replay": OPERATORS,
    "post event-close": OPERATORS,
    "get conversation-list": EVERYBODY,
    "get conversation-detail": EVERYBODY,
    "get effect-list": EVERYBODY,
    "get effect-detail": EVERYBODY,
    "post effect-retry": OPERATORS,
    "post effect-close": OPERATORS,
    "post effect-redo": ADMINISTRATORS,
    "get replay-list": EVERYBODY,
    "get replay-detail": EVERYBODY,
    "post replay-list": OPERATORS,
    "post replay-preview": OPERATORS,
    "post replay-stop": OPERATORS,
    "get integration-list": EVERYBODY,
    "get integration-detail": EVERYBODY,
    "post integration-pause": OPERATORS,
    "post integration-resume": OPERATORS,
    "get source-list": EVERYBODY,
    "get source-detail": EVERYBODY,
    "post source-pause": OPERATORS,
    "post source-resume": OPERATORS,
}
"""Methods and addresses of the API; what runs are asked for by `replay-list` is in `RUNS`."""

API_OPEN_TO_ALL = frozenset({"get api_schema"})

RUNS: dict[tuple[str, str], Allowed] = {
    ("replay", "events"): OPERATORS,
    ("closing", "events"): OPERATORS,
    ("retry", "effects"): OPERATORS,
    ("closing", "effects"): OPERATORS,
    ("redo", "effects"): ADMINISTRATORS,
}
"""What the API may be asked to have done, by action and what it is done with."""


def walk(patterns: Sequence[Any], under: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield all addresses with what stands before them."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, under + str(pattern.pattern))
        else:
            yield under + str(pattern.pattern), pattern


def admin_doors() -> set[str]:
    """Return the names of the admin's addresses; what has none leads to one that has."""
    names = {
        str(door.name)
        for address, door in walk(get_resolver().url_patterns)
        if address.startswith("admin/") and door.name
    }
    return {f"{name}/{what}" for name in names for what in ASKED.get(name, ())} | (
        names - ASKED.keys()
    )


def list_actions() -> set[str]:
    """Return the actions of lists; Django's own of deleting what is marked where there is one."""
    found = set()
    for model, pages in admin.site._registry.items():  # noqa: SLF001 -- there is no other way to ask
        label = model._meta.label_lower  # noqa: SLF001 -- documented API
        for action in pages.actions or ():
            found.add(f"{label} {action if isinstance(action, str) else action.__name__}")
        # Nobody deletes from a list whose rows are nobody's to delete.
        if pages.actions is not None and f"{label} delete_selected" in ACTIONS:
            found.add(f"{label} delete_selected")
    return found


def api_doors() -> set[str]:
    """Return the methods and names of the API's addresses."""
    found = set()
    for address, door in walk(get_resolver().url_patterns):
        if address.startswith("api/") and door.name:
            methods = getattr(door.callback, "actions", None) or {"get": ""}
            found |= {f"{method} {door.name}" for method in methods if method != "head"}
    return found
