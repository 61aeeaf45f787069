"""Users and groups, in unfold's forms."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from webhooks.access.second_factor import has_second_factor
from webhooks.admin.base import ModelAdmin
from webhooks.admin.second_factor import remove_view, second_factor_view
from webhooks.audit import actor_of
from webhooks.operations.tokens import revoke_tokens

# django-otp's pages show the keys. Ours are `webhooks.admin.second_factor`.
admin.site.unregister(TOTPDevice)
admin.site.unregister(StaticDevice)
admin.site.unregister(User)
admin.site.unregister(Group)

SUPERUSERS_ONLY = ("is_superuser", "user_permissions")
"""What only superusers give: all others give roles."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg] # generic for mypy alone
    """Users. Who may change them can give them any role, but not make them superusers."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_superuser"]
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Role", {"fields": ("is_staff", "groups")}),
    )
    change_form_template = "admin/webhooks/user.html"
    # Marked by the dozen, people are not deleted but by mistake.
    actions = None

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the second factor: one's own, and the one that removes another's."""
        guard = self.admin_site.admin_view
        pages = [
            path(
                "second-factor/",
                guard(second_factor_view),
                {"model_admin": self},
                name="auth_user_second_factor",
            ),
            path(
                "<int:user_id>/second-factor/remove/",
                guard(remove_view),
                {"model_admin": self},
                name="auth_user_second_factor_remove",
            ),
        ]
        return pages + super().get_urls()

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 -- Django's signature
        form_url: str = "",
    ) -> HttpResponse:
        """Let people set others' passwords; their own takes the old one, on a page of its own.

        Whoever had the old one may have made API tokens, so those are revoked.
        """
        user = self.get_object(request, unquote(id))
        if user == request.user:
            return HttpResponseRedirect(reverse("admin:password_change"))
        with transaction.atomic():
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            if user and not User.objects.filter(pk=user.pk, password=user.password).exists():
                revoke_tokens(user, actor_of(request))
        return answer

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose that who is added may come in."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show who is no superuser, but do not let them change, what only superusers give."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else fields + SUPERUSERS_ONLY

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody but superusers change superusers: a new password would be enough to be one."""
        return super().has_change_permission(request, obj) and is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody but superusers delete superusers."""
        return super().has_delete_permission(request, obj) and is_in_reach(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say whether the user has a second factor."""
        user = kwargs.get("obj")
        if user is not None:
            context |= {
                "has_second_factor": has_second_factor(user),
                "may_remove": self.has_change_permission(request, user),
            }
        return super().render_change_form(request, context, *args, **kwargs)


def is_in_reach(request: HttpRequest, user: User | None) -> bool:
    """Tell whether who asks has at least the rights of `user`, as far as superusers go."""
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Groups of users, with the permissions that they give; the roles are groups."""
