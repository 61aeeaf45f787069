"""The admin's site: asks for a second factor, and writes down what its pages change."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from webhooks.access.changes import Audited
from webhooks.access.code import ask_for_code, show_code_form
from webhooks.access.login import CodeNeededError, LoginForm
from webhooks.access.own_password import OwnPasswordView

if TYPE_CHECKING:  # unfold's class is Django's with other templates, and ships no types
    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    """Switchboard's admin."""

    login_form = LoginForm

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        """Register pages whose changes are in the audit list, whoever has written the pages."""
        pages = admin_class or ModelAdmin
        if not issubclass(pages, Audited):
            pages = type(pages.__name__, (Audited, pages), name_of(pages))
        super().register(model_or_iterable, pages, **options)

    def extra_urls(self) -> list[URLPattern]:
        """Return the address of the log-in's second step; unfold adds it."""
        return [path("login/code/", self.show_code, name="login_code")]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Leave unfold's colours to our style sheet: an inline style would need an exception."""
        return {**super().each_context(request), "colors": None}

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Log in who has the password, or ask those for a code who have a second factor."""
        try:
            return super().login(request, extra_context)
        except CodeNeededError as needed:
            return ask_for_code(request, needed.user)

    def password_change(  # type: ignore[override] # Django's answers a redirect as well
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Let somebody set their own password."""
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse(f"{self.name}:password_change_done"),
            template_name=self.password_change_template or OwnPasswordView.template_name,
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    @method_decorator(sensitive_post_parameters())
    @method_decorator(never_cache)
    def show_code(self, request: HttpRequest) -> HttpResponse:
        """Show the second step of the log-in."""
        return show_code_form(request, self.each_context(request))


def name_of(pages: type) -> dict[str, str | None]:
    """Return what makes a class be called like `pages` in error messages and tests."""
    return {
        "__module__": pages.__module__,
        "__qualname__": pages.__qualname__,
        "__doc__": pages.__doc__,
    }
