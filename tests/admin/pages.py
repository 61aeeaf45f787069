"""The addresses of the admin's pages."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from webhooks.models import (
    Attempt,
    Conversation,
    Delivery,
    Effect,
    Event,
    RejectionCount,
    Replay,
)

READ_ONLY: list[type[Model]] = [
    Conversation,
    Event,
    Delivery,
    RejectionCount,
    Effect,
    Attempt,
    Replay,
]
"""What people read, and only Switchboard writes."""


def list_of(model: type[Model]) -> str:
    """Return the path of a model's list."""
    return address(model, "changelist")


def page_of(row: Model) -> str:
    """Return the path of a row's page."""
    return address(type(row), "change", row.pk)


def address(model: type[Model], page: str, *args: object) -> str:
    """Return the path of one of a model's pages."""
    opts = model._meta  # noqa: SLF001 -- documented API
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)


def every_model() -> list[type[Model]]:
    """Return all models that the admin has pages for."""
    return list(admin.site._registry)  # noqa: SLF001 -- there is no other way to ask


def every_page() -> list[str]:
    """Return the paths of all lists, of the pages of all rows, and of the start page."""
    pages = [reverse("admin:index")]
    for model in every_model():
        pages.append(list_of(model))
        pages += [page_of(row) for row in model._default_manager.all()]  # noqa: SLF001 -- documented API
    return pages


def choose(client: Client, action: str, *rows: Model, across: str = "0", query: str = "") -> str:
    """Mark the rows in their list and choose an action; return the address that it leads to."""
    sent = {"action": f"{action}_chosen", "_selected_action": [row.pk for row in rows]}
    path = list_of(type(rows[0])) + query
    response = client.post(path, {**sent, "select_across": across})
    assert response.status_code == 302
    return response.headers["Location"]


def answer(client: Client, path: str, reason: str, **more: str) -> Any:
    """Open a question and send it back with a reason and what else it asks; return the response."""
    return client.post(path, {**read_hidden(client.get(path).text), "reason": reason, **more})


def read_hidden(asked: str) -> dict[str, str]:
    """Return what a question sends along that nobody types."""
    return dict(
        re.findall('<input type="hidden" name="(request_key|last_key)" value="([^"]*)"', asked)
    )
