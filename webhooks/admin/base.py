"""What the pages of all models have in common."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from integrations.ledger.lookups import is_offered
from webhooks.admin.find.filters import Counted
from webhooks.admin.find.paginator import KeysetChangeList
from webhooks.admin.find.saved_views import BuiltIn, delete_view, save_view, show_views
from webhooks.models import SavedView

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

    Nothing is asked that grows with the table: there is neither a count beyond a limit nor a column
    to sort by, and each filter is served by an index; the newest rows come first. Filters together
    may be served by none: what is not found in a moment, the list refuses in words.
    """

    actions: Any = None
    list_per_page = 50
    list_filter_submit = True
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    list_before_template = "admin/views.html"
    counted: ClassVar[Counted] = {}
    """The choices of filters that are shown with how many rows they have."""
    built_in_views: ClassVar[Sequence[BuiltIn]] = ()

    @property
    def has_views(self) -> bool:
        """Whether views of the list can be kept."""
        return self.opts.model_name in SavedView.List.values

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses at which a view of the list is kept and deleted."""
        if not self.has_views:
            return super().get_urls()
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        guard = self.admin_site.admin_view
        return [
            path("views/save/", guard(partial(save_view, self)), name=f"{name}_save_view"),
            path(
                "views/<int:view_id>/delete/",
                guard(partial(delete_view, self)),
                name=f"{name}_delete_view",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and above it its views."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if self.has_views and isinstance(context.get("cl"), KeysetChangeList):
            context["views"] = show_views(self, request, context["cl"])
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Let nobody add a row."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody change a row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a row."""
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:  # noqa: ARG002
        """Page by key."""
        return KeysetChangeList

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
        if not term:
            return queryset, False
        return (queryset.filter(self.match(term)) if self.search_fields else queryset.none()), False

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
