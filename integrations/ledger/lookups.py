"""Which lookups a list of the admin takes from its address.

Django lets staff filter by every column, and so ask letter by letter for what a page hides.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

FORMS = (
    "__exact",
    "__isnull",
    "__gte",
    "__lt",
    "__id__exact",
    "_from_0",
    "_from_1",
    "_to_0",
    "_to_1",
)
"""What Django's and unfold's filters append to the column that they filter by."""


def is_offered(model_admin: "ModelAdmin[Any]", request: HttpRequest, lookup: str) -> bool:
    """Tell whether a filter of the list sends `lookup`, or a link by the key of a related row."""
    return lookup in {*name_filters(model_admin, request), *name_links(model_admin)}


def name_filters(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> Iterator[str]:
    """Yield the lookups that the list's filters send."""
    for item in model_admin.get_list_filter(request):
        chosen: Any = item
        if isinstance(chosen, type):
            yield chosen.parameter_name  # type: ignore[attr-defined] # a SimpleListFilter's
        else:
            column = chosen if isinstance(chosen, str) else chosen[0]
            yield from (column + form for form in FORMS)


def name_links(model_admin: "ModelAdmin[Any]") -> Iterator[str]:
    """Yield the lookups of all rows that belong to one other."""
    for field in model_admin.opts.fields:
        if field.many_to_one:
            yield f"{field.name}__id__exact"
