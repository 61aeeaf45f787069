"""The log-in's second step: who has shown the password is asked for a code.

Between the two steps nobody is logged in. What the session holds meanwhile is good for some
minutes, and only as long as the password stays what it was.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from webhooks.access.second_factor import TooSoonError, find_device, seconds_until
from webhooks.access.widgets import style_input

KEY = "login_without_code"
GOOD_FOR = 300
"""Seconds from the password to the code."""

LONGEST_CODE = 30


@dataclass(frozen=True, slots=True)
class HalfLogin:
    """Whose password was right, when (Unix seconds), and where they wanted to go."""

    user_pk: int
    backend: str
    password_stamp: str
    at: float
    wanted: str


class CodeForm(forms.Form):
    """The code."""

    code = forms.CharField(
        max_length=LONGEST_CODE,
        label="Code",
        help_text="The six digits that your app shows now, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        style_input(self.fields["code"])


def ask_for_code(request: HttpRequest, user: User) -> HttpResponse:
    """Remember that the password of `user` was right, and send the browser to the second step."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    half = HalfLogin(
        user_pk=user.pk,
        backend=user.backend,  # authenticate() has set it
        password_stamp=user.get_session_auth_hash(),
        at=time.time(),
        wanted=wanted,
    )
    request.session.cycle_key()
    request.session[KEY] = asdict(half)
    return HttpResponseRedirect(reverse("admin:login_code"))


def show_code_form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask for the code, and log in who has it; who has no password first goes back to that."""
    half = read_half(request)
    user = find_user(half) if half else None
    if half is None or user is None:
        request.session.pop(KEY, None)
        return HttpResponseRedirect(reverse("admin:login"))
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if turn_away(request, user):
            return HttpResponse(status=429)  # axes' middleware puts the page in its place
        if take_code(request, user, half, form):
            return HttpResponseRedirect(check_address(request, half.wanted))
    page = {**context, "title": "Enter your code", "form": form}
    return TemplateResponse(request, "admin/login_code.html", page)


def read_half(request: HttpRequest) -> HalfLogin | None:
    """Return the first step of this browser's log-in, unless it is too long ago."""
    stored = request.session.get(KEY)
    half = HalfLogin(**stored) if stored else None
    return half if half and time.time() - half.at < GOOD_FOR else None


def find_user(half: HalfLogin) -> User | None:
    """Return whose log-in it is, if they may still come in with the password that they showed."""
    user = User.objects.filter(pk=half.user_pk, is_active=True, is_staff=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), half.password_stamp):
        return None
    return user


def turn_away(request: HttpRequest, user: User) -> bool:
    """Tell whether too much went wrong, here or with the password, for another try by now."""
    credentials = {"username": user.get_username()}
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    request.axes_locked_out = True  # type: ignore[attr-defined]
    request.axes_credentials = credentials  # type: ignore[attr-defined]
    return True


def count_failure(request: HttpRequest, user: User, wrong: str) -> None:
    """Count a wrong code or password as one of a log-in: so many, and axes locks out the name."""
    credentials = {"username": user.get_username(), "wrong": wrong}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def take_code(request: HttpRequest, user: User, half: HalfLogin, form: CodeForm) -> bool:
    """Log the user in if the code is right; say in the form what is wrong, and count it."""
    try:
        device = find_device(user, form.cleaned_data["code"])
    except TooSoonError as error:
        form.add_error("code", f"Wait {seconds_until(error.until)} s and enter the code then.")
        return False
    if device is None:
        count_failure(request, user, "code")
        form.add_error("code", "This code is not right. Enter the one that the app shows now.")
        return False
    request.session.pop(KEY, None)
    user.otp_device = device  # type: ignore[attr-defined] # django-otp reads it as it logs in
    login(request, user, backend=half.backend)
    return True


def check_address(request: HttpRequest, wanted: str) -> str:
    """Return the address that somebody wanted to go to, if it is one of ours."""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else reverse("admin:index")
