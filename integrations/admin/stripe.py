"""Stripe: who is billed for what, and the events whose fate is not known."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from integrations.ledger.admin.records import RecordAdmin
from integrations.ledger.lookups import is_offered
from integrations.models import StripeCustomer, StripeMeterEvent

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    ModelAdmin = TypedModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin


@admin.register(StripeCustomer)
class StripeCustomerAdmin(ModelAdmin):
    """The mapping, which is for people to edit."""

    list_display = ["scope", "uuid", "customer_id", "note", "updated_at"]
    list_display_links = ["uuid"]
    list_filter = ["scope"]
    search_fields = ["uuid", "customer_id", "note"]
    search_help_text = "A part of an id, a Stripe customer or a note."
    fieldsets = [
        (
            None,
            {
                "fields": ["scope", "uuid", "customer_id", "note"],
                "description": (
                    "A conversation is billed to its campaign's Stripe customer, or else to its"
                    " agent's, or else to its organization's."
                ),
            },
        ),
    ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse every lookup that the list's filter does not send."""
        return is_offered(self, request, lookup) and super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save, and say that what failed for want of it does not come back by itself."""
        super().save_model(request, obj, form, change)
        self.message_user(
            request,
            "Usage that failed before for want of a customer is tried again by"
            " manage.py replay_events --failed.",
            messages.INFO,
        )


class FateFilter(admin.SimpleListFilter):
    """What is known of an event."""

    title = "fate"
    parameter_name = "fate"
    conditions = {
        "open": Q(confirmed_at=None, open_sends__gt=0),
        "confirmed": Q(confirmed_at__isnull=False),
        "refused": Q(confirmed_at=None, open_sends=0),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:  # noqa: ARG002 -- Django's signature
        """Return the choices."""
        return [(fate, FATES[fate]) for fate in self.conditions]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Leave the events of that fate."""
        condition = self.conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


EVENT_FIELDS = [
    "identifier",
    "fate",
    "customer_id",
    "event_name",
    "livemode",
    "created_at",
    "open_sends",
    "open_since",
    "confirmed_at",
]
FATES = {"open": "not answered", "confirmed": "Stripe has it", "refused": "not taken"}


@admin.register(StripeMeterEvent)
class StripeMeterEventAdmin(RecordAdmin):
    """What was sent. One whose fate is not known may be deleted, which lets it be sent again."""

    list_display = ["__str__", "fate", "customer_id", "event_name", "livemode", "created_at"]
    list_filter = [FateFilter, "livemode"]
    fieldsets = [
        (
            None,
            {
                "fields": (*EVENT_FIELDS,),
                "description": (
                    "Delete an event that was not answered only after you have looked for it in"
                    " Stripe and it was not there: the effect can then be retried. Deleting one"
                    " that Stripe has would bill it twice."
                ),
            },
        ),
    ]
    actions = None
    search_fields = ["identifier"]
    search_help_text = "A whole identifier."

    def match_exactly(self, term: str) -> Q:
        """Find an event by its identifier."""
        return Q(identifier=term)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002 -- Django's signature
        """Let nobody change anything."""
        return EVENT_FIELDS

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those delete who may, but nothing that Stripe is known to have."""
        may = request.user.has_perm("integrations.delete_stripemeterevent")
        return may and (obj is None or obj.confirmed_at is None)

    @admin.display(description="fate")
    def fate(self, event: StripeMeterEvent) -> str:
        """Return what is known of the event."""
        if event.confirmed_at is not None:
            return FATES["confirmed"]
        return FATES["open" if event.open_sends else "refused"]
