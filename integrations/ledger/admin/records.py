"""What all pages of the ledger have in common."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string

from integrations.ledger.lookups import is_offered
from integrations.personal_data import may_see_payload
from integrations.phone_numbers import normalise_phone_number

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    ModelAdmin = TypedModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin


class RecordAdmin(ModelAdmin):
    """A page that shows what effects wrote. Every query it makes has an index at a million rows."""

    editable_fields: ClassVar[frozenset[str]] = frozenset()
    """What staff may change; nothing where it is empty."""
    long_fields: ClassVar[tuple[str, ...]] = ()
    """What a list must not even load."""
    personal_fields: ClassVar[frozenset[str]] = frozenset()
    """Columns and fields for people with `ADMIN_PERSONAL_DATA_PERMISSION` alone."""

    ordering = ["-created_at"]
    list_per_page = 50
    # Both would count the whole table on every page.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # To sort by another column, or to act on all rows at once, takes the whole table.
    sortable_by = ()
    list_disable_select_all = True

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add a record: effects do."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a record: it is the proof that an effect was applied."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff change a record only where it has something for them to change."""
        return bool(self.editable_fields) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Return everything on the page that staff may not change."""
        return [name for name in flatten(self.fields or ()) if name not in self.editable_fields]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the list's columns, as far as they are for the user."""
        return self.leave_out_personal(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the page's fields, as far as they are for the user."""
        return self.leave_out_personal(request, super().get_fields(request, obj))

    def leave_out_personal(self, request: HttpRequest, names: Any) -> list[Any]:
        """Return those of `names` that the user may see."""
        may_see = may_see_payload(request.user)
        return [name for name in names if may_see or name not in self.personal_fields]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse every lookup that neither a filter nor a link between pages sends."""
        return is_offered(self, request, lookup) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:  # noqa: ARG002
        """Page as all large tables of the admin are paged."""
        return import_string(settings.ADMIN_CHANGE_LIST)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the long texts to the page of the one record that needs them."""
        return super().get_queryset(request).defer(*self.long_fields)

    @admin.display(description="conversation")
    def conversation(self, record: Any) -> str:
        """Return the way to the conversation's own page where there is one, or else its id."""
        return str(import_string(settings.ADMIN_CONVERSATION_LINK)(record.conversation_uuid))

    def match_exactly(self, term: str) -> Q:
        """Return what finds `term` through an index, where a part of a text could not."""
        return Q(conversation_uuid=term) | Q(idempotency_key=term)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Return the records that have the term as a whole, and that none is there twice."""
        term = search_term.strip()
        return (queryset.filter(self.match_exactly(term)) if term else queryset), False


def match_phone_number(term: str) -> Q:
    """Return what finds the phone number `term`, written with its + or without."""
    number = normalise_phone_number(term)
    # An empty number would find everyone who hides theirs.
    return Q(phone_number__in=[number, f"+{number.removeprefix('+')}"] if number else [])
