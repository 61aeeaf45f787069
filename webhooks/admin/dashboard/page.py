"""The admin's start page: is all well, and if not, where to look.

Each part is a block of its own, for those who may see the rows that it counts, and brings what it
finds wrong along; the sentence at the top is the worst of it. No block counts a large table: what
happened comes from `webhooks.statistics`, and what waits from indexes that hold nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Exists, Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webhooks.admin.dashboard.backlog import show_backlog
from webhooks.admin.dashboard.conversations import show_conversations
from webhooks.admin.dashboard.effects import show_effects
from webhooks.admin.dashboard.latency import show_acknowledgements
from webhooks.admin.dashboard.parts import Block, pick_worst
from webhooks.admin.dashboard.rejections import show_rejections
from webhooks.admin.dashboard.sources import show_sources
from webhooks.admin.dashboard.traffic import show_deliveries
from webhooks.admin.dashboard.window import (
    WINDOWS,
    Look,
    begin_look,
    choose_window,
    find_staleness,
)
from webhooks.models import Conversation, Delivery, Effect, Event, RejectionCount, Source

REFRESH = 15
"""Seconds between two looks of a page that is left open."""

BLOCKS: Sequence[tuple[type[Model], Callable[[Look], Block]]] = (
    (Event, show_backlog),
    (Delivery, show_deliveries),
    (Delivery, show_acknowledgements),
    (Effect, show_effects),
    (Source, show_sources),
    (RejectionCount, show_rejections),
    (Conversation, show_conversations),
)
"""The parts in their order, each with the rows that one must be allowed to see."""


def add_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the start page shows; unfold calls this by the name in the settings."""
    return context | {"title": "Dashboard"} | build_dashboard(request)


@require_safe
@never_cache
def show_dashboard_alone(request: HttpRequest) -> HttpResponse:
    """Return the dashboard without the page around it, for a page that refreshes itself.

    It writes nothing, to the session either: a page that is left open is not somebody at work.
    """
    return TemplateResponse(request, "admin/dashboard/board.html", build_dashboard(request))


def build_dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return the parts that the reader may see."""
    look = begin_look(request.user, choose_window(request.GET.get("window")))
    blocks = [show(look) for model, show in BLOCKS if look.may_see(model)]
    findings = [finding for block in blocks for finding in block.findings]
    if blocks:
        findings += find_staleness(look)
    return {
        "look": look,
        "windows": WINDOWS,
        "blocks": blocks,
        "findings": pick_worst(findings),
        "beginning": find_beginning(look),
        "refresh": REFRESH,
        "refresh_url": f"{reverse('dashboard')}?window={look.window.name}",
        "updated_at": timezone.localtime(look.now),
    }


def find_beginning(look: Look) -> dict[str, Any] | None:
    """Return what to do first, as long as nothing has ever arrived."""
    if not look.may_see(Source):
        return None
    is_known = Exists(Delivery.objects.all())
    sources = Source.objects.order_by("pk").annotate(is_known=is_known)
    source = sources.values("pk", "name", "is_known").first()
    if source is None:
        may_add = look.reader.has_perm("webhooks.add_source")
        return {"add_url": reverse("admin:webhooks_source_add") if may_add else "", "source": None}
    if source["is_known"]:
        return None
    return {
        "source": source,
        "source_url": reverse("admin:webhooks_source_change", args=[source["pk"]]),
    }
