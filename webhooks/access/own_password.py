"""One's own new password: the old one is asked for, and guesses at it count as log-ins do."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from webhooks.access.code import count_failure, turn_away
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry

if TYPE_CHECKING:  # unfold's class is Django's with other classes, and ships no types
    from django.contrib.auth.forms import PasswordChangeForm
else:
    from unfold.forms import AdminOwnPasswordChangeForm as PasswordChangeForm


class OwnPasswordForm(PasswordChangeForm):
    """Counts each old password that is wrong."""

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Refuse a password that is not the user's."""
        try:
            return str(super().clean_old_password())
        except forms.ValidationError:
            count_failure(self.request, cast("User", self.request.user), "password")
            raise


class OwnPasswordView(PasswordChangeView):
    """Sets somebody's own password, and writes down that they did so."""

    form_class = OwnPasswordForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Turn away who has failed too often."""
        if turn_away(request, cast("User", request.user)):
            return HttpResponse(status=429)  # axes' middleware puts the page in its place
        return super().post(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Let the form know who asks."""
        return {**super().get_form_kwargs(), "request": self.request}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, and write down that, but not what it is."""
        response = super().form_valid(form)
        user = cast("User", self.request.user)
        record(AuditEntry.Action.CHANGED, actor_of(self.request), user, "password")
        return response
