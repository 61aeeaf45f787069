"""The pages on which a source is paused and goes on."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.formats import date_format
from django.utils.timezone import localtime

from webhooks.admin.acts.asking import OptionalReasonForm, Question, ReasonForm, ask
from webhooks.admin.base import ModelAdmin
from webhooks.admin.find.counts import say_up_to
from webhooks.admin.words.links import page_of
from webhooks.audit import actor_of
from webhooks.models import Event, Source
from webhooks.operations.sources import pause_source, resume_source

PERMISSION = "webhooks.pause_source"

MOST = 10_000
"""Held events that are counted; of more is only said that they are more."""

PAUSING = (
    "Its deliveries are answered as ever, and its events are stored. They are held: none is"
    " processed until somebody resumes the source. What was processed already goes on."
)
NOT_OFF = (
    "This is not the same as switching it off: a source that is off answers 404, and what the"
    " sender then gives up is lost to us."
)
RESUMING = (
    "The held events are processed by themselves, in the next minutes, and have the effects that"
    " today's routes owe for them. What comes in meanwhile is not kept waiting."
)


def pause_view(request: HttpRequest, source_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask for a reason, then have a source's events held."""
    source = find_source(request, source_id, model_admin)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if pause_source(source, actor_of(request), form.cleaned_data["reason"]):
            model_admin.message_user(request, f"{source.name} is paused.", messages.SUCCESS)
        else:
            model_admin.message_user(request, f"{source.name} is paused already.", messages.WARNING)
        return HttpResponseRedirect(page_of(Source, source.pk))
    question = Question(
        title=f"Pause {source.name}",
        meaning=[PAUSING, NOT_OFF],
        verb="Pause" if source.paused_at is None else "",
        refusal=f"It is paused already. {explain_pause(source)}",
        back=page_of(Source, source.pk),
        back_to=source.name,
    )
    return ask(request, model_admin, question, form)


def resume_view(request: HttpRequest, source_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask first, then have a source's events processed, those that are held first of all."""
    source = find_source(request, source_id, model_admin)
    form = OptionalReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if resume_source(source, actor_of(request), form.cleaned_data["reason"]):
            model_admin.message_user(request, f"{source.name} goes on.", messages.SUCCESS)
        else:
            model_admin.message_user(request, f"{source.name} is not paused.", messages.WARNING)
        return HttpResponseRedirect(page_of(Source, source.pk))
    is_paused = source.paused_at is not None
    question = Question(
        title=f"Resume {source.name}",
        meaning=[RESUMING, *([explain_pause(source)] if is_paused else [])],
        lines=[("Events that are held, and would be processed", say_held(source))],
        verb="Resume" if is_paused else "",
        refusal="It is not paused.",
        back=page_of(Source, source.pk),
        back_to=source.name,
    )
    return ask(request, model_admin, question, form)


def find_source(request: HttpRequest, source_id: int, model_admin: ModelAdmin) -> Source:
    """Return the source, to who may pause it. Raises PermissionDenied and Http404."""
    if not (model_admin.has_view_permission(request) and request.user.has_perm(PERMISSION)):
        raise PermissionDenied
    return get_object_or_404(Source, pk=source_id)


def explain_pause(source: Source) -> str:
    """Return since when a source is paused, by whom and why; nothing where it is not."""
    if source.paused_at is None:
        return ""
    since = date_format(localtime(source.paused_at), "DATETIME_FORMAT")
    return f"Paused since {since} by {source.paused_by}: {source.paused_reason}"


def say_held(source: Source) -> str:
    """Return how many events of the source are held."""
    held = Event.objects.filter(source=source, status=Event.Status.HELD).order_by()
    number = held.values("pk")[: MOST + 1].count()
    return say_up_to(number, MOST)
