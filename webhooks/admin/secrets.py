"""The pages on which a source's secrets are added and retired.

A secret is shown in the answer to the very request that stored it, and nowhere else: neither a
message, which would wait in a cookie or the database, nor the history ever holds it.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminRadioSelectWidget

from webhooks.admin.base import ModelAdmin
from webhooks.admin.words.links import page_of
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry, Source
from webhooks.operations.sources import add_secret, retire_secret

SHORTEST = 16
"""Characters of a secret that somebody brings: what is shorter can be guessed."""


class SecretForm(forms.Form):
    """A new secret, or one that the sender has made."""

    origin = forms.ChoiceField(
        choices=[
            ("given", "The sender showed me a secret: take that one"),
            ("generated", "Generate one, and I tell it to the sender"),
        ],
        initial="given",
        widget=UnfoldAdminRadioSelectWidget,
    )
    # Never sent back to the browser, should there be a mistake in the form.
    secret = forms.CharField(
        required=False,
        min_length=SHORTEST,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Exactly as the sender shows it.",
    )

    def clean(self) -> dict[str, Any]:
        """Want the secret where it is to be taken, and drop it where it is not."""
        cleaned = super().clean() or {}
        if cleaned.get("origin") == "generated":
            return {**cleaned, "secret": ""}
        if not cleaned.get("secret") and "secret" not in self.errors:
            self.add_error("secret", "Paste the sender's secret here.")
        return cleaned


@sensitive_post_parameters("secret")
@transaction.atomic
def add_secret_view(request: HttpRequest, source_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Add a secret to a source, and answer with the page that shows it."""
    check_permission(request, "webhooks.add_signingsecret")
    source = get_object_or_404(Source, pk=source_id)
    form = SecretForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            new = add_secret(source, form.cleaned_data["secret"])
        except ValidationError as error:
            form.add_error("secret", error)
        else:
            record(AuditEntry.Action.SECRET_ADDED, actor_of(request), source, new.row.fingerprint)
            context = {"secret": new.value, "fingerprint": new.row.fingerprint}
            return render(request, model_admin, source, "admin/webhooks/secret_shown.html", context)
    return render(request, model_admin, source, "admin/webhooks/secret_add.html", {"form": form})


@transaction.atomic
def retire_secret_view(
    request: HttpRequest, source_id: int, fingerprint: str, model_admin: ModelAdmin
) -> HttpResponse:
    """Ask whether a secret is to be retired, and retire it."""
    check_permission(request, "webhooks.change_signingsecret")
    source = get_object_or_404(Source, pk=source_id)
    secret = get_object_or_404(
        source.secrets.defer("value"), fingerprint=fingerprint, retired_at=None
    )
    if request.method != "POST":
        context = {"row": secret}
        return render(request, model_admin, source, "admin/webhooks/secret_retire.html", context)
    try:
        retire_secret(source, fingerprint)
    except ValidationError as error:
        model_admin.message_user(request, error.messages[0], messages.ERROR)
    else:
        record(AuditEntry.Action.SECRET_RETIRED, actor_of(request), source, fingerprint)
        said = f"Retired the secret {fingerprint}."
        model_admin.message_user(request, said, messages.SUCCESS)
    return HttpResponseRedirect(page_of(Source, source.pk))


def check_permission(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the user has the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def render(
    request: HttpRequest,
    model_admin: ModelAdmin,
    source: Source,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Return a page about one of the source's secrets."""
    page = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"Secrets of {source.name}",
        "original": source,
        "source": source,
        "back": page_of(Source, source.pk),
        **context,
    }
    return TemplateResponse(request, template, page)
