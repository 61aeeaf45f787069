"""Lists with their filters under a name, built in, everybody's or one's own: above each list.

A view is kept as the parameters of the list's address. Only what the list's filters offer gets in,
and it is looked at again each time: no view is a way to a lookup that the list would refuse.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from webhooks.admin.find.paginator import POSITION, KeysetChangeList
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry, SavedView

MOST = 50
"""Views that are shown above a list."""

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A view that comes with Switchboard.

    `query` are the list's parameters, worked out when it is shown, since one may be about today;
    `rows` says which rows that are, and is served by an index that holds little else.
    """

    name: str
    query: Callable[[], Query]
    rows: Callable[[], Q]


@dataclass(frozen=True, slots=True)
class ShownView:
    """A view as it stands above its list.

    `url` is empty where its filters are not offered any more, and `delete_url` for who may not
    delete it.
    """

    name: str
    url: str
    count: str = ""
    is_current: bool = False
    is_shared: bool = False
    delete_url: str = ""


@dataclass(frozen=True, slots=True)
class Views:
    """What stands above a list. `query` is how it is filtered now, if at all."""

    shown: Sequence[ShownView]
    query: str
    save_url: str
    may_share: bool


class SaveForm(forms.Form):
    """The name of a view, its filters, and for whom it is."""

    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=500)
    is_shared = forms.BooleanField(required=False)


def show_views(model_admin: Any, request: HttpRequest, changelist: KeysetChangeList) -> Views:
    """Return what stands above the list."""
    page = locate(model_admin, "changelist")
    present = read_query(request.GET.urlencode())
    shown = [ShownView("All", page, is_current=not present and not changelist.query)]
    for view in model_admin.built_in_views:
        query = view.query()
        count = changelist.choice_counts.get(("", view.name), "")
        url = f"{page}?{urlencode(query)}"
        shown.append(ShownView(view.name, url, count, is_current=query == present))
    may_share = request.user.has_perm("webhooks.change_savedview")
    for view in find_views(model_admin, request)[:MOST]:
        query = read_query(view.query)
        is_offered = not find_refused(model_admin, request, query)
        may_delete = may_share if view.owner_id is None else True
        shown.append(
            ShownView(
                view.name,
                f"{page}?{urlencode(query)}" if is_offered else "",
                is_current=query == present,
                is_shared=view.owner_id is None,
                delete_url=locate(model_admin, "delete_view", view.pk) if may_delete else "",
            )
        )
    may_save = request.user.has_perm("webhooks.add_savedview")
    return Views(
        shown=shown,
        query=urlencode(present),
        save_url=locate(model_admin, "save_view") if may_save and present else "",
        may_share=may_share,
    )


def find_views(model_admin: Any, request: HttpRequest) -> Any:
    """Return the stored views of a list that the person has: everybody's and their own."""
    theirs = Q(owner=None) | Q(owner=request.user.pk)
    return SavedView.objects.filter(theirs, list=model_admin.opts.model_name).order_by("name", "pk")


def save_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Keep the list's present filters under a name; one of that name is replaced."""
    require_post(model_admin, request)
    if not request.user.has_perm("webhooks.add_savedview"):
        raise PermissionDenied
    form = SaveForm(request.POST)
    query = read_query(request.POST.get("query", ""))
    back = f"{locate(model_admin, 'changelist')}?{urlencode(query)}"
    refused = find_refused(model_admin, request, query)
    if not form.is_valid() or refused or not query:
        problem = (
            f"The list has no filter {refused[0]}."
            if refused
            else "Give the view a name of at most 60 characters, and filter the list first."
        )
        model_admin.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(locate(model_admin, "changelist") if refused else back)
    is_shared = form.cleaned_data["is_shared"]
    if is_shared and not request.user.has_perm("webhooks.change_savedview"):
        raise PermissionDenied
    with transaction.atomic():
        view, is_new = SavedView.objects.update_or_create(
            list=model_admin.opts.model_name,
            name=form.cleaned_data["name"],
            owner_id=None if is_shared else request.user.pk,
            defaults={"query": urlencode(query)},
        )
        act = AuditEntry.Action.ADDED if is_new else AuditEntry.Action.CHANGED
        record(act, actor_of(request), view, describe(view))
    model_admin.message_user(request, f"“{view.name}” is kept.", messages.SUCCESS)
    return HttpResponseRedirect(back)


def delete_view(model_admin: Any, request: HttpRequest, view_id: int) -> HttpResponse:
    """Delete a view: one's own, or one of everybody's for who may change these."""
    require_post(model_admin, request)
    with transaction.atomic():
        view = find_views(model_admin, request).select_for_update().filter(pk=view_id).first()
        if view is None:
            raise Http404
        if view.owner_id is None and not request.user.has_perm("webhooks.change_savedview"):
            raise PermissionDenied
        record(AuditEntry.Action.DELETED, actor_of(request), view, describe(view))
        view.delete()
    model_admin.message_user(request, f"“{view.name}” is deleted.", messages.SUCCESS)
    return HttpResponseRedirect(locate(model_admin, "changelist"))


def require_post(model_admin: Any, request: HttpRequest) -> None:
    """Refuse who may not see the list, and what a mere link could do."""
    if request.method != "POST" or not model_admin.has_view_permission(request):
        raise PermissionDenied


def read_query(text: str) -> dict[str, str]:
    """Return the filters of a list's address, without its page and what was searched for.

    A search may be for a person, and is not to stay.
    """
    given = QueryDict(text).items()
    kept = {name: str(value) for name, value in given if value and name not in POSITION}
    return {name: value for name, value in sorted(kept.items()) if name not in {"q", "o", "all"}}


def find_refused(model_admin: Any, request: HttpRequest, query: Query) -> list[str]:
    """Return the parameters that no filter of the list offers."""
    return [
        name
        for name, value in query.items()
        if not model_admin.lookup_allowed(name, value, request) or "\0" in value
    ]


def describe(view: SavedView) -> str:
    """Return for the audit list what a view shows, and to whom."""
    whose = "for everybody" if view.owner_id is None else "for themselves"
    return f"{view.get_list_display()}, {whose}: {view.query}"


def locate(model_admin: Any, page: str, *args: object) -> str:
    """Return the address of one of the list's pages."""
    opts = model_admin.opts
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)
