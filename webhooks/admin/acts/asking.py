"""Pages that ask before something is done: what it would mean, and why it is wanted.

To look at one changes nothing; only what is sent from it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from webhooks.admin.base import ModelAdmin


class ReasonForm(forms.Form):
    """Why somebody has something done."""

    reason = forms.CharField(
        label="Why?",
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="For whoever wonders later. It is kept with who asked, when and what for.",
        error_messages={"required": "Say why."},
    )


class OptionalReasonForm(ReasonForm):
    """The same of what needs no defence, such as to let something go on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False
        self.fields["reason"].label = "Why? (may be left empty)"


NOTHING = "There is nothing to do here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a page says before something is done.

    `meaning` are its sentences, `warnings` those that nobody may pass over, `notes` what else there
    is to know. `lines` are what happens, and how often. `verb` is what the button says; without one
    it cannot be done, and `refusal` says why. `back` is where to go instead, `back_to` what is
    there.
    """

    title: str
    meaning: Sequence[str]
    verb: str
    back: str
    back_to: str
    lines: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    refusal: str = NOTHING


def ask(
    request: HttpRequest, model_admin: ModelAdmin, question: Question, form: forms.Form
) -> HttpResponse:
    """Return the page that asks."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "form": form,
    }
    return TemplateResponse(request, "admin/webhooks/confirm.html", context)
