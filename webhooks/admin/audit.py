"""The audit list: who did what, when, to what, and from where."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.filters import WrittenTimeFilter
from webhooks.admin.words.links import shorten_text, show_time
from webhooks.models import AuditEntry

KINDS = {
    "webhooks.event": "events",
    "webhooks.conversation": "conversations",
    "webhooks.effect": "effects",
    "webhooks.replay": "replays and retries",
    "webhooks.source": "sources",
    "webhooks.route": "routes",
    "webhooks.apitoken": "API tokens",
    "webhooks.savedview": "saved views",
    "integrations.budget": "integrations",
    "integrations.stripecustomer": "Stripe customers",
    "integrations.stripemeterevent": "Stripe meter events",
    "auth.user": "users",
    "auth.group": "groups",
}
"""What acts may be done to, by app_label.model."""


class SubjectFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """What was done to one kind of thing, or, as `auth.user:3`, to the one with that key."""

    title = "subject"
    parameter_name = "done_to"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the kinds, and the one thing that is asked for."""
        kind, _, key = (self.value() or "").partition(":")
        one = [(f"{kind}:{key}", f"{KINDS.get(kind, kind)} {key}")] if key else []
        return one + list(KINDS.items())

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[AuditEntry],
    ) -> QuerySet[AuditEntry]:
        """Return what was done to it."""
        kind, _, key = (self.value() or "").partition(":")
        if not kind:
            return queryset
        queryset = queryset.filter(subject_type=kind)
        return queryset.filter(subject_id=key) if key else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Entries, which nobody may change, not even those who may change everything else."""

    list_display = ["when", "who", "what", "to", "why", "door", "remote_address"]
    list_display_links = ["when"]
    list_filter = [
        ("action", ChoicesDropdownFilter),
        ("actor", RelatedDropdownFilter),
        SubjectFilter,
        ("door", ChoicesDropdownFilter),
        ("at", WrittenTimeFilter),
    ]
    search_fields = ["actor_name"]
    search_help_text = "Who did it: the name in full"
    fields = [("when", "door"), ("who", "remote_address"), ("what", "to"), "detail"]

    def match(self, term: str) -> Q:
        """Return what somebody of that name did, also with an account that is gone."""
        return Q(actor_name=term)

    @admin.display(description="time")
    def when(self, entry: AuditEntry) -> Any:
        """Return when it was done."""
        return show_time(entry.at)

    @admin.display(description="who")
    def who(self, entry: AuditEntry) -> str:
        """Return who did it, as they were called then."""
        return entry.actor_name

    @admin.display(description="what")
    def what(self, entry: AuditEntry) -> str:
        """Return what was done."""
        return entry.get_action_display()

    @admin.display(description="to")
    def to(self, entry: AuditEntry) -> SafeString | str:
        """Return what it was done to, as a link where that has a page."""
        if not entry.subject_type:
            return "-"
        text = shorten_text(f"{name_kind(entry.subject_type)} {entry.subject}")
        try:
            name = f"admin:{entry.subject_type.replace('.', '_')}_change"
            page = reverse(name, args=[entry.subject_id])
        except NoReverseMatch:
            return text
        return format_html('<a class="text-link" href="{}">{}</a>', page, text)

    @admin.display(description="detail")
    def why(self, entry: AuditEntry) -> str:
        """Return the reason or the change, at a list's length."""
        return shorten_text(entry.detail) or "-"


def name_kind(subject_type: str) -> str:
    """Return what people call rows of that model; the model's own name where it is gone."""
    try:
        return str(apps.get_model(subject_type)._meta.verbose_name)  # noqa: SLF001 -- documented API
    except LookupError:
        return subject_type
