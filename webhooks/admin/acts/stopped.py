"""Lists and pages of rows that people have something done with, in the background."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from webhooks.admin.acts.choosing import ACROSS, ROWS, UnsayableError, read_marked, refuse_action
from webhooks.admin.acts.run_questions import Act, Chosen, ask_for_run
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.words.links import may_see_replays, page_of
from webhooks.operations.selection import AnySelection


class StoppedAdmin(ReadOnlyAdmin):
    """Pages on which those who may have something done with rows are asked about it first.

    `acts` are what can be done, by the names that its addresses have. For each, a subclass has an
    action of the list, a button of the row's page, and says when that is of use.
    """

    acts: ClassVar[Mapping[str, Act]]

    def select_marked(self, keys: tuple[int, ...]) -> AnySelection:
        """Return the selection of the rows with these keys."""
        raise NotImplementedError

    def select_all(self, request: HttpRequest) -> AnySelection:
        """Return the selection of all rows that match the filters of a list in its address.

        Raises UnsayableError where it cannot say them.
        """
        raise NotImplementedError

    def find_useful_acts(self, obj: Any) -> set[str]:
        """Return which of the acts there is a use for with this row."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Have each row know whether its reader may see the records of what people had done."""
        sees = Value(may_see_replays(request.user))
        queryset: QuerySet[Any] = super().get_queryset(request).annotate(shows_replays=sees)
        return queryset

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks about the rows of a list."""
        opts = self.opts
        asks = path(
            "ask/<slug:name>/",
            self.admin_site.admin_view(self.ask_about_list),
            name=f"{opts.app_label}_{opts.model_name}_ask",
        )
        return [asks, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse an action to who may not do it."""
        refuse_action(self, request)
        return super().changelist_view(request, extra_context)

    def go_and_ask(self, request: HttpRequest, name: str) -> HttpResponse:
        """Send the browser from an action of the list to the page that asks about it.

        That page's address says which rows are meant, and how the list was filtered.
        """
        params = request.GET.copy()
        if request.POST.get(ACROSS) == "1":
            params[ACROSS] = "1"
        else:
            params[ROWS] = ",".join(request.POST.getlist("_selected_action"))
        return HttpResponseRedirect(f"{self.locate_question(name)}?{params.urlencode()}")

    def locate_question(self, name: str) -> str:
        """Return the path of the page that asks about the rows of a list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_ask", args=[name])

    def ask_about_list(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask about the rows that the address names, or have a run take them up."""
        act = self.find_act(request, name)
        params = request.GET.copy()
        for own in (ACROSS, ROWS):
            params.pop(own, None)
        if conversation := params.pop("conversation_uuid", None):
            # A conversation's page leads here; its events are found in their list by a search.
            params["q"] = conversation[0]
        filtered = f"?{params.urlencode()}" if params else ""
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist") + filtered
        try:
            if request.GET.get(ACROSS) == "1":
                selection = self.select_all(request)
            else:
                selection = self.select_marked(read_marked(request))
        except UnsayableError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(back)
        chosen = Chosen(selection, back, f"the {self.opts.verbose_name_plural}")
        return ask_for_run(request, self, act, chosen)

    def ask_about_row(self, request: HttpRequest, name: str, object_id: str) -> HttpResponse:
        """Ask about the row whose page it is, or have a run take it up. Raises Http404."""
        act = self.find_act(request, name)
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        back = page_of(self.model, obj.pk)
        chosen = Chosen(self.select_marked((obj.pk,)), back, f"the {self.opts.verbose_name}")
        return ask_for_run(request, self, act, chosen)

    def find_act(self, request: HttpRequest, name: str) -> Act:
        """Return what may be done by this name. Raises Http404 and PermissionDenied."""
        act = self.acts.get(name)
        if act is None:
            raise Http404
        if not (self.has_view_permission(request) and request.user.has_perm(act.permission)):
            raise PermissionDenied
        return act

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer on a row's page what there is to do with it."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return []
        offered = {
            f"{self.opts.app_label}_{self.opts.model_name}_{name}_one"
            for name in self.find_useful_acts(obj)
        }
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold's
        return [item for item in actions if item.action_name in offered]
