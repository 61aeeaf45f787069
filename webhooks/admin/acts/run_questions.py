"""The question before something is done to many rows, and handing it over to a run."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.widgets import UnfoldAdminTextInputWidget

from webhooks.admin.acts.asking import NOTHING, Question, ReasonForm, ask
from webhooks.admin.acts.choosing import describe_choice
from webhooks.admin.base import ModelAdmin
from webhooks.admin.words.links import may_see_replays, page_of
from webhooks.audit import actor_of
from webhooks.models import Replay
from webhooks.operations.actions import PERMISSIONS, find_permission
from webhooks.operations.redo import MOST_REDONE
from webhooks.operations.runs import (
    Asked,
    NothingToDoError,
    RequestKeyTakenError,
    RunPreview,
    ask_for,
    preview_run,
)
from webhooks.operations.selection import AnySelection
from webhooks.operations.walking import find_last_key

EXAMINED = MOST_REDONE
"""Rows that are looked at to say what would happen; also how many may be done again at once."""

INCOMPLETE = "This page has come back incomplete: open it anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that people may have done with rows.

    `rows` is of what kind these are, as stored selections say it. `label` is what it is called
    where it is offered, `verb` what the button says that has it done.
    """

    action: Replay.Action
    rows: str
    label: str
    title: str
    verb: str
    icon: str
    meaning: str

    @property
    def permission(self) -> str:
        """What somebody needs who has it done."""
        return PERMISSIONS[self.action, self.rows]


REPLAY = Act(
    action=Replay.Action.REPLAY,
    rows="events",
    label="Replay",
    title="Replay events",
    verb="Replay",
    icon="replay",
    meaning="Events are processed again under the same keys: what was done is not done twice, what"
    " failed is tried again, and what today's routes owe is added.",
)
CLOSE_EVENTS = Act(
    action=Replay.Action.CLOSING,
    rows="events",
    label="Close with a reason",
    title="Close events",
    verb="Close",
    icon="done_all",
    meaning="Closed events wait for nobody any more, and what they say is not taken into their"
    " conversations. They can still be replayed later. Effects are closed in their own list.",
)
RETRY = Act(
    action=Replay.Action.RETRY,
    rows="effects",
    label="Retry",
    title="Retry effects",
    verb="Retry",
    icon="replay",
    meaning="Effects are tried again under the same keys: what a vendor did already, it does not"
    " do twice. They go behind what comes in meanwhile.",
)
CLOSE_EFFECTS = Act(
    action=Replay.Action.CLOSING,
    rows="effects",
    label="Close with a reason",
    title="Close effects",
    verb="Close",
    icon="done_all",
    meaning="Closed effects wait for nobody any more, and what they owed is not done. They can"
    " still be retried later.",
)
REDO = Act(
    action=Replay.Action.REDO,
    rows="effects",
    label="Do again although it succeeded",
    title="Do effects again",
    verb="Do it a second time",
    icon="content_copy",
    meaning="This is for what was lost or spoilt downstream. Each effect is written a second time"
    " under a key of its own, so no vendor can tell that it has done it before.",
)

ACTS = (REPLAY, CLOSE_EVENTS, RETRY, CLOSE_EFFECTS, REDO)

TWICE = "These effects have succeeded. To do them again does them twice:"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody has chosen, and where they came from: its address, and what is there."""

    selection: AnySelection
    back: str
    back_to: str


class RunForm(ReasonForm):
    """Why a run is wanted, and what keeps it to what its page has told of, and to once."""

    request_key = forms.UUIDField(
        widget=forms.HiddenInput,
        initial=uuid.uuid4,
        error_messages={"required": INCOMPLETE, "invalid": INCOMPLETE},
    )
    last_key = forms.IntegerField(
        min_value=0,
        widget=forms.HiddenInput,
        error_messages={"required": INCOMPLETE, "invalid": INCOMPLETE},
    )


class RedoForm(RunForm):
    """The same of what does something twice: it takes the number of effects, typed."""

    number = forms.IntegerField(
        label="How many effects are to be done a second time?",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Type the number.", "invalid": "Type the number."},
    )
    field_order = ["number", "reason"]

    def __init__(self, *args: Any, rows: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows
        self.fields["number"].help_text = f"Type {rows} to say that you mean it."
        self.fields["reason"].widget.attrs.pop("autofocus", None)
        self.fields["number"].widget.attrs["autofocus"] = True

    def clean_number(self) -> int:
        """Want the number that the page has told of."""
        number: int = self.cleaned_data["number"]
        if number != self.rows:
            raise forms.ValidationError(f"It is {self.rows} now.")
        return number


def ask_for_run(
    request: HttpRequest, model_admin: ModelAdmin, act: Act, chosen: Chosen
) -> HttpResponse:
    """Return the page that asks about a run; once that is answered, have it done in the background.

    Called for those alone who may have it done.
    """
    data = request.POST.copy() if request.method == "POST" else None
    newest = find_last_key(model_admin.model)
    look = partial(preview_run, act.action, chosen.selection, limit=EXAMINED)
    if act is REDO:
        # What is done twice is counted anew when that is confirmed.
        seen = look()
        form: RunForm = RedoForm(data, initial={"last_key": newest}, rows=seen.rows)
        if form.is_valid() and not seen.is_partial:
            return begin_run(request, model_admin, act, chosen, form)
    else:
        form = RunForm(data, initial={"last_key": newest})
        if form.is_valid():
            return begin_run(request, model_admin, act, chosen, form)
        seen = look()
    if data is not None:
        # The page tells of what is there by now.
        data["last_key"] = str(newest)
    return ask(request, model_admin, put_question(act, chosen, seen), form)


def may_stop(user: User | AnonymousUser, run: Replay) -> bool:
    """Tell whether somebody may stop the run: who may ask for one like it may."""
    needed = find_permission(run)
    return needed is not None and user.has_perm(needed)


def begin_run(
    request: HttpRequest, model_admin: ModelAdmin, act: Act, chosen: Chosen, form: RunForm
) -> HttpResponse:
    """Write the run down, and send the browser to its page; back where there is nothing to do."""
    asked = Asked(
        actor=actor_of(request),
        reason=form.cleaned_data["reason"],
        request_key=form.cleaned_data["request_key"],
        last_key=form.cleaned_data["last_key"],
    )
    try:
        run = ask_for(act.action, chosen.selection, asked)
    except (NothingToDoError, RequestKeyTakenError) as error:
        model_admin.message_user(request, str(error), messages.WARNING)
        return HttpResponseRedirect(chosen.back)
    if may_see_replays(request.user):
        return HttpResponseRedirect(page_of(Replay, run.pk))
    model_admin.message_user(request, f"Run {run.pk} has been asked for.", messages.SUCCESS)
    return HttpResponseRedirect(chosen.back)


def put_question(act: Act, chosen: Chosen, seen: RunPreview) -> Question:
    """Return what the page says of a run that would do what was seen."""
    selection = chosen.selection
    found = f"{seen.found:,}" if seen.is_counted else f"more than {seen.found:,}"
    warnings, notes, refusal = [], list(seen.notes), NOTHING
    is_possible = bool(seen.rows) or seen.is_partial
    if act is REDO:
        warnings, notes = ([TWICE, *seen.notes] if seen.rows else []), []
        if seen.is_partial:
            is_possible = False
            refusal = (
                f"These are too many to do twice at once: at most {EXAMINED:,}."
                " Filter the list further."
            )
    if is_possible:
        notes.append(
            "What is done is counted as it is done: rows may have changed until then."
            if selection.names_rows
            else "Only what is there now is meant. Rows that come after this page was made are"
            " not, and those that are there may have changed until their turn."
        )
    return Question(
        title=act.title,
        meaning=[
            f"For the {selection.kind}: {', '.join(describe_choice(selection.describe()))}.",
            act.meaning,
        ],
        verb=act.verb if is_possible else "",
        back=chosen.back,
        back_to=chosen.back_to,
        lines=[
            (f"{selection.kind.capitalize()} that match", found),
            *((words, f"{number:,}") for words, number in seen.lines),
        ],
        warnings=warnings,
        notes=notes,
        refusal=refusal,
    )
