"""The log-in's first step: the name and the password."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from webhooks.access.second_factor import has_second_factor

if TYPE_CHECKING:  # unfold's class is Django's with other classes, and ships no types
    from django.contrib.admin.forms import AdminAuthenticationForm as AuthenticationForm
else:
    from unfold.forms import AuthenticationForm


class CodeNeededError(Exception):
    """The password is right, and not all that it takes."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user


class LoginForm(AuthenticationForm):
    """Lets nobody in with a password alone who has a second factor."""

    def confirm_login_allowed(self, user: User) -> None:
        """Raise ValidationError for who may not come in, and CodeNeededError for who needs more."""
        super().confirm_login_allowed(user)
        if has_second_factor(user):
            raise CodeNeededError(user)
