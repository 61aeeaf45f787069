"""What the pages of all models have in common."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from integrations.ledger.lookups import is_offered
from webhooks.admin.paginator import InfinitePaginator

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import ModelAdmin as TypedModelAdmin

    UnfoldAdmin = TypedModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin


class ModelAdmin(UnfoldAdmin):
    """Pages whose list can be filtered by what it offers, and by nothing that it may hide."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse every lookup that neither a filter nor a link between pages sends."""
        return is_offered(self, request, lookup) and super().lookup_allowed(lookup, value, request)


class ReadOnlyAdmin(ModelAdmin):
    """Pages on which people read what Switchboard wrote down, in tables of any size.

    Every query that a list makes is served by an index, so there is neither a count of the whole
    table nor a column to sort by; the newest rows come first.
    """

    actions: Any = None
    list_per_page = 50
    list_filter_submit = True
    paginator = InfinitePaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add a row."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody change a row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a row."""
        return False

    def match(self, term: str) -> Q:
        """Return what finds `term`, which is not empty, through an index."""
        raise NotImplementedError

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that `match` finds, and that none is there twice."""
        term = search_term.strip()
        return (queryset.filter(self.match(term)) if term else queryset), False

    def get_page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return what the page of `obj` shows beside its fields."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the page with its context, and without a history that rows like these never have."""
        obj = kwargs.get("obj")
        # Which of many rows it is comes first in the browser's title: a tab cuts what follows.
        context |= {
            "show_history": False,
            "title": str(self.opts.verbose_name),
            "subtitle": str(obj) if obj is not None else None,
        }
        if obj is not None:
            context |= self.get_page_context(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)
