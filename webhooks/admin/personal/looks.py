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


class Look:
    """How the page of one row is shown in full: asked for, and written down.

    Each page is masked, for everybody. Its button sends a POST to an address of its own, which is
    answered with the same page in full, once: opened again it is masked as before. Nothing is kept
    that could show it another time, so there is no look without its entry.

    Pages of other apps come here by the setting `ADMIN_LOOK`.
    """

    def __init__(self, pages: Any) -> None:
        """Look at rows of `pages`, a `ModelAdmin` that masks unless `request.shows_said`."""
        self._pages = pages
        opts = pages.opts
        self._name = f"{opts.app_label}_{opts.model_name}"

    def get_urls(self) -> list[URLPattern]:
        """Return the address that the button sends to."""
        guarded = self._pages.admin_site.admin_view(self.answer)
        return [path("<path:object_id>/said/", guarded, name=f"{self._name}_look")]

    def answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the row's page in full and write that down. Raises Http404, PermissionDenied."""
        pages = self._pages
        if request.method != "POST":
            # As if somebody came back to the address: to look again is to ask again.
            return HttpResponseRedirect(self._find("change", object_id))
        obj = pages.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not (may_see_payload(request.user) and pages.has_view_permission(request, obj)):
            raise PermissionDenied
        record(AuditEntry.Action.PAYLOAD_SEEN, actor_of(request), obj)
        # Django takes a POST of a row's page for a change of the row, and this only reads.
        reading: Any = copy(request)
        reading.method, reading.shows_said = "GET", True
        response: HttpResponse = pages.change_view(reading, object_id)
        return response

    def describe(self, request: HttpRequest, key: object) -> dict[str, Any]:
        """Return what the button needs, on the page of the row with that key."""
        return {
            "shows_said": shows_said(request),
            "may_look": may_see_payload(request.user),
            "look_url": self._find("look", key),
        }

    def _find(self, page: str, key: object) -> str:
        return reverse(f"{self._pages.admin_site.name}:{self._name}_{page}", args=[key])


class LookAdmin(ReadOnlyAdmin):
    """Pages of rows that hold what was said."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the button sends to."""
        return [*Look(self).get_urls(), *super().get_urls()]

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the row with whether what was said is shown: its columns are asked without it."""
        obj = super().get_object(request, *args, **kwargs)
        if obj is not None:
            obj.shows_said = shows_said(request)
        return obj

    def get_page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page's button needs."""
        return {
            **super().get_page_context(request, obj),
            **Look(self).describe(request, obj.pk),
        }


def shows_said(request: HttpRequest) -> bool:
    """Tell whether this very request has asked to be shown what was said."""
    return getattr(request, "shows_said", False)
