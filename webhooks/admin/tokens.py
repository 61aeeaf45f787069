"""API tokens: everybody makes and revokes their own, administrators see and revoke all.

As with signing secrets, a token is shown in the answer to the request that made it, and nowhere
else.
"""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from webhooks.admin.acts.asking import Question, ask
from webhooks.admin.base import ModelAdmin
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import show_time
from webhooks.audit import actor_of
from webhooks.models import ApiToken
from webhooks.operations.tokens import create_token, revoke_token


class TokenForm(forms.Form):
    """What a new token is for, and for how long."""

    name = forms.CharField(
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="What it is for, such as the program's name.",
    )
    days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        choices=[(30, "in 30 days"), (90, "in 90 days"), (365, "in a year"), (0, "never")],
        initial=90,
        widget=UnfoldAdminRadioSelectWidget,
    )


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Tokens, without their values: there is a page to make one, and one to revoke one."""

    list_display = ["name", "user", "hint", "state", "created", "used", "expires"]
    list_select_related = ["user"]
    fields = [("name", "user"), ("hint", "state"), ("created", "used", "expires")]
    readonly_fields = ["name", "user", "hint", "state", "created", "used", "expires"]
    ordering = [F("revoked_at").desc(nulls_first=True), "-id"]
    actions = None
    actions_detail = ["revoke"]

    def get_urls(self) -> list[URLPattern]:
        """Put our page to make a token in the place of Django's."""
        add = path(
            "add/", self.admin_site.admin_view(self.make_token), name="webhooks_apitoken_add"
        )
        return [add, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Return one's own tokens; everybody's for those who may see them."""
        tokens: QuerySet[ApiToken] = super().get_queryset(request)
        if request.user.has_perm("webhooks.view_apitoken"):
            return tokens
        return tokens.filter(user=cast("User", request.user))

    def has_module_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's signature
        """Show the list to everybody who may come in."""
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let everybody see what their queryset holds."""
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Let everybody have tokens: they may do with one what they may do themselves."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody change a token."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Let nobody delete a token: what it was used for may be asked later."""
        return False

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Let people revoke their own tokens, and administrators all."""
        if object_id is None or request.user.has_perm("webhooks.change_apitoken"):
            return True
        token = self.get_object(request, unquote(str(object_id)))
        return token is not None and token.user_id == request.user.pk

    def make_token(self, request: HttpRequest) -> HttpResponse:
        """Make a token for whoever asks, and answer with the page that shows it."""
        user = cast("User", request.user)
        form = TokenForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            days = form.cleaned_data["days"]
            expires = timezone.now() + timedelta(days=days) if days else None
            try:
                new = create_token(user, form.cleaned_data["name"], actor_of(request), expires)
            except ValidationError as error:
                form.add_error("name", error.messages[0])
            else:
                return self.render(request, "token_shown", {"value": new.value, "token": new.row})
        return self.render(request, "token_add", {"form": form})

    @action(description="Revoke", url_path="revoke", icon="block", permissions=["revoke"])  # type: ignore[untyped-decorator] # unfold ships no types
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether a token is to be revoked, and revoke it."""
        token = self.get_object(request, unquote(object_id))
        if token is None:
            raise Http404
        back = reverse("admin:webhooks_apitoken_changelist")
        if request.method == "POST":
            if revoke_token(token, actor_of(request)):
                messages.success(request, f"{token.name} is refused from now on.")
            return HttpResponseRedirect(back)
        question = Question(
            title=f"Revoke {token.name}",
            meaning=[f"Programs of {token.user} that use it get 401 from now on, for good."],
            verb="" if token.revoked_at else "Revoke it",
            notes=["It is revoked already."] if token.revoked_at else [],
            back=back,
            back_to="API tokens",
        )
        return ask(request, self, question, forms.Form())

    def render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """Return a page on the way to a token."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API token",
            "back": reverse("admin:webhooks_apitoken_changelist"),
            **context,
        }
        return TemplateResponse(request, f"admin/webhooks/{template}.html", page)

    @admin.display(description="state")
    def state(self, token: ApiToken) -> SafeString:
        """Return whether it is taken."""
        if token.revoked_at:
            return render_label("", "revoked")
        if token.expires_at and token.expires_at <= timezone.now():
            return render_label("", "expired")
        return render_label("succeeded", "active")

    @admin.display(description="created")
    def created(self, token: ApiToken) -> Any:
        """Return when it was made."""
        return show_time(token.created_at)

    @admin.display(description="last used")
    def used(self, token: ApiToken) -> Any:
        """Return when a program last showed it."""
        return show_time(token.last_used_at)

    @admin.display(description="expires")
    def expires(self, token: ApiToken) -> Any:
        """Return from when on it is refused."""
        return show_time(token.expires_at)
