"""What stands on the ledger's pages in the place of what was said."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.utils.text import capfirst

from integrations.phone_numbers import describe_end

NUMBER = "phone_number"


def mask_field(pages: Any, name: str) -> Callable[[Any], str]:
    """Return a field with the label of `name`, of the `ModelAdmin`, and nothing of its value."""
    label = capfirst(str(label_for_field(name, pages.model, pages)))

    @admin.display(description=label)
    def masked(record: Any) -> str:
        value = getattr(record, name, None)
        if value is None:
            # What the page makes of the record, such as a line per goal.
            return "\u2039masked\u203a"
        if not value:
            return "-"
        if name == NUMBER:
            return mask_number(value)
        return f"\u2039text, {len(value):,} characters\u203a"

    return masked


def mask_number(number: str) -> str:
    """Return a phone number as lists and masked pages may show it."""
    if not number:
        return "-"
    end = describe_end(number)
    return f"\u2039{end}\u203a"
