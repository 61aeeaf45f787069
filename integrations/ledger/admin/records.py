"""What all pages of the ledger have in common."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.module_loading import import_string

from integrations.ledger.admin.masked import mask_field
from integrations.ledger.lookups import is_offered

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
    """Fields that are masked until somebody asks for them; never columns of a list."""

    change_form_outer_before_template = "admin/ledger/look.html"
    ordering = ["-created_at"]
    list_per_page = 50
    # Both would count the whole table on every page.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # To sort by another column, or to act on all rows at once, takes the whole table.
    sortable_by = ()
    list_disable_select_all = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # Django compares a page's fields with those that are read-only.
        personal = self.personal_fields.intersection(self.fields or ())
        self.masks = {name: mask_field(self, name) for name in personal}

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add a record: effects do."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a record: it is the proof that an effect was applied."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff change a record only where it has something for them to change."""
        # The address that shows what was said only reads: a form there would be another look.
        is_open = bool(self.editable_fields) and not shows_said(request)
        return is_open and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return everything on the page that staff may not change."""
        names = flatten(self.get_fields(request, obj))
        return [name for name in names if name not in self.editable_fields]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return the page's fields, the personal ones masked unless they were asked for."""
        names: list[Any] = list(super().get_fields(request, obj))
        if shows_said(request):
            return names
        return [self.masks.get(name, name) for name in names]

    def get_urls(self) -> list[URLPattern]:
        """Add the address that shows a page in full."""
        looks = self.build_look().get_urls() if self.personal_fields else []
        return [*looks, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page, with a way to see in full what is masked."""
        look = self.build_look().describe(request, object_id) if self.personal_fields else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **look})

    def build_look(self) -> Any:
        """Return how what was said is shown, which the project decides."""
        return import_string(settings.ADMIN_LOOK)(self)

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
        """Return what finds `term` through an index, where a part of a text could not.

        Never a phone number: an address holds the term, and who may not see numbers would be told
        whether there is one.
        """
        return Q(conversation_uuid=term) | Q(idempotency_key=term)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Return the records that have the term as a whole, and that none is there twice."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = self.match_exactly(term) if self.search_fields else Q(pk__in=[])
        return queryset.filter(found), False


def shows_said(request: HttpRequest) -> bool:
    """Tell whether this very request has asked to be shown what was said, as `ADMIN_LOOK` says."""
    return getattr(request, "shows_said", False)
