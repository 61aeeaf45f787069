"""Write down in the audit list what the admin's pages add, change and delete."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    Pages = TypedModelAdmin[Any]
else:
    Pages = object

MOST_SHOWN = 80
"""Characters of a value."""
MOST_LISTED = 400
"""Characters of the values that were added to a field of many, and of those removed."""


class Audited(Pages):
    """Pages whose acts are entries of the audit list, and not of Django's own history.

    `webhooks.access.site` puts it before every class of pages that is registered.
    """

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Write down that somebody added a row."""
        record(AuditEntry.Action.ADDED, actor_of(request), obj, explain(message))

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Write down that somebody changed a row, and what of it; Django calls it without, too."""
        record(AuditEntry.Action.CHANGED, actor_of(request), obj, explain(message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Write down which rows somebody deletes; called just before."""
        for obj in queryset:
            record(AuditEntry.Action.DELETED, actor_of(request), obj)

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002 -- Django's signature
    ) -> Any:
        """Return what a form changes, with the values before and after."""
        if add or formsets:
            return super().construct_change_message(request, form, formsets, add)
        return describe_changes(form)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: Any = None,  # noqa: ARG002 -- Django's signature
    ) -> HttpResponse:
        """Lead to what the audit list says of the row."""
        if not request.user.has_perm("webhooks.view_auditentry"):
            raise PermissionDenied
        page = reverse("admin:webhooks_auditentry_changelist")
        subject = f"{self.opts.label_lower}:{unquote(object_id)}"
        return HttpResponseRedirect(f"{page}?done_to={subject}")


def explain(message: Any) -> str:
    """Return in words what Django says of a change; of an addition it says nothing new."""
    if isinstance(message, str):
        return message
    changed = [part["changed"].get("fields", []) for part in message if "changed" in part]
    names = [str(name) for fields in changed for name in fields]
    return f"Changed: {', '.join(names)}." if names else ""


def describe_changes(form: forms.BaseForm) -> str:
    """Return which fields a valid form changes, from what to what; of a password only that."""
    changes = []
    for name in form.changed_data:
        field = form.fields.get(name)
        label = str(field.label if field and field.label else name)
        # Django's form for a new password says only that it is one.
        if field is None or isinstance(field.widget, forms.PasswordInput):
            changes.append(label)
            continue
        before, after = form.get_initial_for_field(field, name), form.cleaned_data.get(name)
        difference = describe_difference(before, after)
        changes.append(f"{label}: {difference or f'{show_value(before)} → {show_value(after)}'}")
    return "; ".join(changes)


def describe_difference(before: Any, after: Any) -> str:
    """Return what was added to a field of many values and removed from it; "" of any other.

    Two long lists that differ near their ends would be written down with the same beginnings.
    """
    if not isinstance(after, list | tuple | set | QuerySet):
        return ""
    had, has = {str(item) for item in before or []}, {str(item) for item in after}
    parts = {"added": has - had, "removed": had - has}
    return "; ".join(f"{verb} {cut(sorted(items))}" for verb, items in parts.items() if items)


def cut(items: list[str]) -> str:
    """Return the values in a row, at most `MOST_LISTED` characters of them."""
    text = ", ".join(items)
    return text if len(text) <= MOST_LISTED else f"{text[:MOST_LISTED]}…"


def show_value(value: Any) -> str:
    """Return a form's value as people say it, at most `MOST_SHOWN` characters of it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        value = ", ".join(sorted(str(item) for item in value))
    text = "" if value is None else str(value)
    if len(text) > MOST_SHOWN:
        text = f"{text[:MOST_SHOWN]}…"
    return text or "nothing"
