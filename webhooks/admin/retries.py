"""The pages between an action on rows that went wrong and its being done.

Each says what would happen to how many rows, and asks why; only what is sent from there with a
reason does anything.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from webhooks.admin.base import ModelAdmin
from webhooks.admin.links import link_to_replay, may_see_replays, page_of
from webhooks.operations.retry import Asked, Handled

ACROSS = "select_across"
"""Django's field that says: all rows that match the list's filters, and not only those marked."""

SHOWN = "shown"
"""The field with the keys of all rows that a page has told of: nothing is done with others, that
have come to match since."""

PLAIN = ("needs", "p")
"""The list's parameters that do not narrow what an action is for."""


class ReasonForm(forms.Form):
    """Why somebody has something done."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="For whoever wonders later. It is kept with who asked, when and what for.",
        error_messages={"required": "Say why."},
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The keys of the rows that an action is for.

    `is_across`: all of the list's that wait for people were meant, and others were not looked at;
    `has_more`: of these there are more than can be dealt with in a request.
    """

    pks: tuple[int, ...]
    is_across: bool = False
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class ActionPage:
    """What a page says before its action is done: `lines` are what and how many of it.

    `rows` is how many rows the action is for; with none there is nothing to confirm. `verb` is
    what the button says, `done` what is told of the rows afterwards.
    """

    title: str
    verb: str
    done: str
    meaning: str
    lines: Sequence[tuple[str, int]]
    rows: int
    notes: Sequence[str] = ()


def choose(request: HttpRequest, queryset: QuerySet[Any], stopped: Q, most: int) -> Chosen:
    """Return the rows that were marked, or the first `most` of all that match and are stopped.

    Of these only those that a page has told of, once there was one.
    """
    # Only keys are wanted, of rows that the list has prepared to be shown.
    rows = queryset.prefetch_related(None).order_by("pk").values_list("pk", flat=True)
    if request.POST.get(ACROSS) != "1":
        return Chosen(tuple(rows[:most]))
    rows = rows.filter(stopped)
    meant = rows.filter(pk__in=read_shown(request)) if SHOWN in request.POST else rows
    pks = tuple(meant[:most])
    return Chosen(pks, is_across=True, has_more=rows.exclude(pk__in=pks).exists())


def read_shown(request: HttpRequest) -> list[int]:
    """Return the keys of the rows that a page has told of."""
    return [int(key) for key in request.POST[SHOWN].split(",") if key.isdecimal()]


def write_command(
    request: HttpRequest, command: str, options: Mapping[str, str], default: str = ""
) -> str:
    """Return `command` with what the list's filters say; nothing where it cannot say all of it.

    `options` are the command's, by the parameters of the filters; `default` is what it takes where
    there is none.
    """
    narrowed = {name: value for name, value in request.GET.items() if value and name not in PLAIN}
    if narrowed.keys() - options.keys():
        return ""
    words = [f"{options[name]} {shlex.quote(str(value))}" for name, value in narrowed.items()]
    return " ".join(filter(None, [command, *(words or [default])]))


def note_choice(chosen: Chosen, command: str = "") -> list[str]:
    """Return what has to be said of how the rows were chosen; `command` deals with any number."""
    notes = []
    if chosen.is_across:
        notes.append("Of all that match, only those that failed or are dead are meant.")
    if chosen.has_more:
        notes.append(
            f"These are the first {len(chosen.pks)} of them. Do the same again for the others"
            + (f", or have manage.py {command} --reason … do all." if command else ".")
        )
    return notes


def ask_or_do(
    model_admin: ModelAdmin,
    request: HttpRequest,
    chosen: Chosen,
    page: ActionPage,
    do: Callable[[Asked], Handled],
) -> HttpResponse | None:
    """Return the page that asks why, or have it done and return nothing."""
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    if not page.rows or not form.is_valid():
        return render(model_admin, request, chosen, page, form)
    # Whoever comes here is logged in.
    person = cast("User", request.user)
    asked = Asked(reason=form.cleaned_data["reason"], requested_by=person, requested_from="admin")
    handled = do(asked)
    opts = model_admin.opts
    noun = opts.verbose_name if handled.rows == 1 else opts.verbose_name_plural
    said = f"{handled.rows} {noun} {page.done}: see "
    replay, may_see = handled.replay, may_see_replays(request.user)
    link = link_to_replay(replay, str(replay), is_link=may_see)
    model_admin.message_user(request, format_html("{}{}.", said, link), messages.SUCCESS)
    return None


def render(
    model_admin: ModelAdmin,
    request: HttpRequest,
    chosen: Chosen,
    page: ActionPage,
    form: ReasonForm,
) -> HttpResponse:
    """Return the page that asks."""
    action = request.POST.get("action", "")
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": page.title,
        "page": page,
        "form": form,
        "action": action,
        "marked": request.POST.getlist("_selected_action"),
        "across": request.POST.get(ACROSS, "0"),
        "shown": ",".join(map(str, chosen.pks)) if chosen.is_across else None,
        # An action's question has the address of its list, and that has the filters.
        "back": request.get_full_path() if action else page_of(model_admin.model, chosen.pks[0]),
    }
    return TemplateResponse(request, "admin/webhooks/confirm.html", context)
