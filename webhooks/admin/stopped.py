"""Lists and pages of rows that may have failed: an action to retry them and one to close them."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.links import may_see_replays, page_of
from webhooks.admin.retries import Chosen, choose


class StoppedAdmin(ReadOnlyAdmin):
    """Pages on which those who may change rows retry or close the ones that wait for people.

    A subclass names the column that holds the state, says how many rows one request may deal with,
    and does what is asked with those that were chosen.
    """

    actions = ["retry_chosen", "close_chosen"]
    actions_detail: ClassVar = ["retry_one", "close_one"]
    state_column: str
    most: int

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Have each row know whether its reader may see the records of what people had done."""
        sees = Value(may_see_replays(request.user))
        queryset: QuerySet[Any] = super().get_queryset(request).annotate(shows_replays=sees)
        return queryset

    def retry(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about a retry of the rows, or have it done and return nothing."""
        raise NotImplementedError

    def close(self, request: HttpRequest, chosen: Chosen) -> HttpResponse | None:
        """Ask about closing the rows, or have it done and return nothing."""
        raise NotImplementedError

    def is_retryable(self, obj: Any) -> bool:
        """Tell whether there is something about the row to try again."""
        return getattr(obj, self.state_column) in self.model.RETRYABLE

    def is_stopped(self, obj: Any) -> bool:
        """Tell whether the row waits for people."""
        return getattr(obj, self.state_column) in self.model.STOPPED

    def has_handling_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Tell who may retry and close; the actions name this permission.

        Nobody may write the rows themselves (`has_change_permission`), so what Django's own
        permission to change them stands for is this.
        """
        allowed: bool = request.user.has_perm(f"webhooks.change_{self.opts.model_name}")
        return allowed

    def has_retrying_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell who may retry; a subclass may want more for it than for closing."""
        return self.has_handling_permission(request, obj)

    @admin.action(description="Retry", permissions=["retrying"])
    def retry_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Retry the marked rows."""
        return self.retry(request, self.read_choice(request, queryset))

    @admin.action(description="Close with a reason", permissions=["handling"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Close the marked rows."""
        return self.close(request, self.read_choice(request, queryset))

    @action(description="Retry", url_path="retry", icon="replay", permissions=["retrying"])  # type: ignore[untyped-decorator] # unfold ships no types
    def retry_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Retry the row whose page it is."""
        obj = self.find_row(request, object_id)
        return self.retry(request, Chosen((obj.pk,))) or self.return_to(obj)

    @action(
        description="Close with a reason",
        url_path="close",
        icon="done_all",
        permissions=["handling"],
    )  # type: ignore[untyped-decorator]
    def close_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close the row whose page it is."""
        obj = self.find_row(request, object_id)
        return self.close(request, Chosen((obj.pk,))) or self.return_to(obj)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer on a row's page what there is to do with it."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return []
        offered = {
            f"webhooks_{self.opts.model_name}_{name}"
            for name, is_of_use in (
                ("retry_one", self.is_retryable(obj)),
                ("close_one", self.is_stopped(obj)),
            )
            if is_of_use
        }
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc] # unfold's
        return [item for item in actions if item.action_name in offered]

    def read_choice(self, request: HttpRequest, queryset: QuerySet[Any]) -> Chosen:
        """Return the rows that an action of the list is for."""
        stopped = Q(**{f"{self.state_column}__in": self.model.STOPPED})
        return choose(request, queryset, stopped, self.most)

    def find_row(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row of that key. Raises Http404."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj

    def return_to(self, obj: Any) -> HttpResponse:
        """Send the browser back to the row's page."""
        return HttpResponseRedirect(page_of(self.model, obj.pk))
