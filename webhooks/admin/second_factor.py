"""The pages of the second factor: one's own, and the one on which a lost one is removed."""

from typing import Any, cast

import django_otp
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.plugins.otp_totp.models import TOTPDevice

from webhooks.access.code import count_failure, turn_away
from webhooks.access.second_factor import (
    TooSoonError,
    begin_setup,
    confirm_setup,
    count_recovery_codes,
    end_other_sessions,
    find_device,
    has_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    seconds_until,
)
from webhooks.access.widgets import style_input
from webhooks.admin.acts.asking import Question, ReasonForm, ask
from webhooks.admin.base import ModelAdmin
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry
from webhooks.operations.tokens import revoke_tokens

WRONG = "This code is not right. Enter the one that the app shows now."


class ProofForm(forms.Form):
    """What shows that it is the person themselves, and not somebody at their open browser."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code",
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request, self.user = request, cast("User", request.user)
        for field in self.fields.values():
            style_input(field)

    def clean_password(self) -> str:
        """Refuse a password that is not the user's."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            count_failure(self.request, self.user, "password")
            raise forms.ValidationError("This is not your password.")
        return password


@sensitive_post_parameters()
@never_cache
def second_factor_view(request: HttpRequest, model_admin: ModelAdmin) -> HttpResponse:
    """Show somebody their own second factor, and let them set it up, renew it or turn it off."""
    user = cast("User", request.user)
    if request.method == "POST" and turn_away(request, user):
        return HttpResponse(status=429)  # axes' middleware puts the page in its place
    form = ProofForm(request)
    is_on = has_second_factor(user)
    if form.is_valid():
        try:
            codes = change(request, form, is_on=is_on)
        except TooSoonError as error:
            wait = seconds_until(error.until)
            form.add_error("code", f"Wait {wait} s and enter the code then.")
        else:
            if codes:
                shown = {"title": "Your recovery codes", "codes": codes}
                return render(request, model_admin, "recovery_codes", shown)
            if not form.errors:
                return HttpResponseRedirect(request.path)
    page = {
        "title": "Your second factor",
        "form": form,
        "is_on": is_on,
        "codes_left": count_recovery_codes(user) if is_on else 0,
        "setup": None if is_on else begin_setup(user),
    }
    return render(request, model_admin, "second_factor", page)


@transaction.atomic
def set_up(request: HttpRequest, user: User, code: str) -> list[str]:
    """Take the app into use, also in this session, and end all others of this person's."""
    codes = confirm_setup(user, code)
    if codes:
        django_otp.login(request, TOTPDevice.objects.get(user=user, confirmed=True))
        end_other_sessions(user, request.session.session_key)
        note(request, user, "Set up a second factor.")
    return codes


def change(request: HttpRequest, form: ProofForm, *, is_on: bool) -> list[str]:
    """Do what the form's button says; return recovery codes that are to be shown, if any.

    A wrong code is said in the form. Raises TooSoonError.
    """
    user, code = form.user, form.cleaned_data["code"]
    if not is_on:
        codes = set_up(request, user, code)
        if not codes:
            refuse(form)
        return codes
    # Not in the transaction: that a wrong code was tried is to stay, whatever becomes of the rest.
    if find_device(user, code) is None:
        refuse(form)
        return []
    if "renew" in request.POST:
        with transaction.atomic():
            note(request, user, "Made new recovery codes.")
            return renew_recovery_codes(user)
    with transaction.atomic():
        remove_second_factor(user)
        note(request, user, "Turned the second factor off.")
    messages.success(request, "From now on you log in with your password alone.")
    return []


def refuse(form: ProofForm) -> None:
    """Say in the form that the code is wrong, and count it."""
    count_failure(form.request, form.user, "code")
    form.add_error("code", WRONG)


@transaction.atomic
def remove_view(request: HttpRequest, user_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask whether somebody's second factor is to be removed, since they lost it, and remove it."""
    user = get_object_or_404(User, pk=user_id)
    if not model_admin.has_change_permission(request, user):
        raise PermissionDenied
    if user == request.user:
        messages.error(request, "Turn your own off here: it takes your password and a code.")
        return HttpResponseRedirect(reverse("admin:auth_user_second_factor"))
    page = reverse("admin:auth_user_change", args=[user.pk])
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if remove_second_factor(user):
            end_other_sessions(user, request.session.session_key)
            revoke_tokens(user, actor_of(request))
            note(request, user, f"Removed the second factor: {form.cleaned_data['reason']}")
            messages.success(request, f"{user} logs in with the password alone now.")
        return HttpResponseRedirect(page)
    question = Question(
        title=f"Remove the second factor of {user}",
        meaning=[
            f"{user} can then log in with the password alone, and set up another app.",
            "Their API tokens are revoked.",
            "Make sure that it is really they who ask: call them, and do not answer a message.",
        ],
        verb="Remove it" if has_second_factor(user) else "",
        back=page,
        back_to=str(user),
    )
    return ask(request, model_admin, question, form)


def note(request: HttpRequest, user: User, what: str) -> None:
    """Write down what was done to the second factor of `user`."""
    record(AuditEntry.Action.CHANGED, actor_of(request), user, what)


def render(
    request: HttpRequest, model_admin: ModelAdmin, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Return a page about one's own second factor."""
    page = {**model_admin.admin_site.each_context(request), **context}
    return TemplateResponse(request, f"admin/webhooks/{template}.html", page)
