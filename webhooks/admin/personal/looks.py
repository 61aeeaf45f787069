"""Pages that mask what was said, until somebody with the permission asks; each look is recorded."""

from copy import copy
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from integrations.personal_data import may_see_payload
from webhooks.admin.base import ReadOnlyAdmin
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry


class LookAdmin(ReadOnlyAdmin):
    """Pages of rows that hold what was said.

    Each page is masked, for everybody. Its button sends a POST to an address of its own, which is
    answered with the same page in full, once: opened again it is masked as before. Nothing is kept
    that could show it another time, so there is no look without its entry.
    """

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the button sends to."""
        opts = self.opts
        look = path(
            "<path:object_id>/said/",
            self.admin_site.admin_view(self.look),
            name=f"{opts.app_label}_{opts.model_name}_look",
        )
        return [look, *super().get_urls()]

    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the row's page in full and write that down. Raises Http404, PermissionDenied."""
        opts = self.opts
        page = f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change"
        if request.method != "POST":
            # As if somebody came back to the address: to look again is to ask again.
            return HttpResponseRedirect(reverse(page, args=[object_id]))
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not (may_see_payload(request.user) and self.has_view_permission(request, obj)):
            raise PermissionDenied
        record(AuditEntry.Action.PAYLOAD_SEEN, actor_of(request), obj)
        # Django takes a POST of a row's page for a change of the row, and this only reads.
        reading: Any = copy(request)
        reading.method, reading.shows_said = "GET", True
        return self.change_view(reading, object_id)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the row with whether what was said is shown: its columns are asked without it."""
        obj = super().get_object(request, *args, **kwargs)
        if obj is not None:
            obj.shows_said = shows_said(request)
        return obj

    def get_page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page's button needs."""
        opts = self.opts
        look = f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_look"
        return {
            **super().get_page_context(request, obj),
            "shows_said": shows_said(request),
            "may_look": may_see_payload(request.user),
            "look_url": reverse(look, args=[obj.pk]),
        }


def shows_said(request: HttpRequest) -> bool:
    """Tell whether this very request has asked to be shown what was said."""
    return getattr(request, "shows_said", False)
