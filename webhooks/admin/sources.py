"""Sources: who may send, how they sign, and the secrets that they sign with."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.fields import ArrayField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from webhooks.admin.acts.source_pauses import (
    PERMISSION,
    explain_pause,
    pause_view,
    resume_view,
    say_held,
)
from webhooks.admin.base import ModelAdmin
from webhooks.admin.secrets import add_secret_view, retire_secret_view
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import page_of, show_time
from webhooks.models import Delivery, Event, Source
from webhooks.operations.sources import SCHEMES


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    """Sources, with their secrets below; a secret is shown once, by the page that added it."""

    list_display = ["name", "slug", "state", "signed_content", "encoding", "created", "switch"]
    list_filter = ["is_active"]
    search_fields = ["slug", "name"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "is_active", "agent_scope"]}),
        (
            "How the sender signs",
            {
                "fields": [
                    "signed_content",
                    "signature_header",
                    "timestamp_header",
                    "id_header",
                    "encoding",
                    "signature_prefix",
                    "secret_format",
                    "replay_window",
                    "allow_missing_timestamp",
                ]
            },
        ),
    ]
    formfield_overrides = {ArrayField: {"widget": UnfoldAdminTextInputWidget}}
    # Deleting from the list would first read all that hangs on the chosen sources.
    actions = None
    add_form_template = change_form_template = "admin/webhooks/source.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the pages on which a source is paused and goes on, and its secrets change."""
        pages = [
            path(
                "<int:source_id>/pause/",
                self.admin_site.admin_view(pause_view),
                {"model_admin": self},
                name="webhooks_source_pause",
            ),
            path(
                "<int:source_id>/resume/",
                self.admin_site.admin_view(resume_view),
                {"model_admin": self},
                name="webhooks_source_resume",
            ),
            path(
                "<int:source_id>/secrets/add/",
                self.admin_site.admin_view(add_secret_view),
                {"model_admin": self},
                name="webhooks_signingsecret_add",
            ),
            path(
                "<int:source_id>/secrets/<str:fingerprint>/retire/",
                self.admin_site.admin_view(retire_secret_view),
                {"model_admin": self},
                name="webhooks_signingsecret_retire",
            ),
        ]
        return pages + super().get_urls()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the ways to a pause to those who may pause."""
        may_pause = request.user.has_perm(PERMISSION)
        columns = super().get_list_display(request)
        return [name for name in columns if name != "switch" or may_pause]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill a new source's form in with the scheme that was chosen above it."""
        scheme = SCHEMES.get(request.GET.get("scheme", ""), {})
        return {**super().get_changeform_initial_data(request), **scheme}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the schemes above a new source, and an existing one's address and secrets."""
        source = kwargs.get("obj")
        if source is None:
            context |= {"schemes": list(SCHEMES), "scheme": request.GET.get("scheme", "sender")}
        else:
            user = request.user
            context |= {
                "address": request.build_absolute_uri(f"/webhooks/{source.slug}/"),
                "is_used": is_used(source),
                "may_pause": user.has_perm(PERMISSION),
                "pause": explain_pause(source),
                "held": say_held(source),
                # Nothing here needs the values, so they are not even decrypted.
                "secrets": source.secrets.defer("value").order_by("retired_at", "-created_at"),
                "may_add_secret": user.has_perm("webhooks.add_signingsecret"),
                "may_retire_secret": user.has_perm("webhooks.change_signingsecret"),
                "may_view_secrets": user.has_perm("webhooks.view_signingsecret"),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(
        self, request: HttpRequest, obj: Source, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the new source's first secret: without one it turns everything away."""
        if not request.user.has_perm("webhooks.add_signingsecret"):
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, f"{obj.name} is there. What does it sign with?")
        return HttpResponseRedirect(reverse("admin:webhooks_signingsecret_add", args=[obj.pk]))

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        """Let nobody delete a source that something came from."""
        return super().has_delete_permission(request, obj) and not (obj and is_used(obj))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say why a source cannot be deleted, where it cannot."""
        source = self.get_object(request, object_id)
        if source is not None and is_used(source) and self.has_view_permission(request, source):
            self.message_user(
                request,
                f"Deliveries of {source} are stored, so it has to stay. Switch it off instead.",
                messages.ERROR,
            )
            return HttpResponseRedirect(page_of(Source, source.pk))
        return super().delete_view(request, object_id, extra_context)

    @admin.display(description="state")
    def state(self, source: Source) -> SafeString:
        """Return whether deliveries are taken, and whether their events are processed."""
        if not source.is_active:
            return render_label("", "off")
        paused = source.paused_at is not None
        return render_label("conflict", "paused") if paused else render_label("succeeded", "on")

    @admin.display(description="pause")
    def switch(self, source: Source) -> SafeString:
        """Return the way to a pause, or to its end."""
        deed = "pause" if source.paused_at is None else "resume"
        href = reverse(f"admin:webhooks_source_{deed}", args=[source.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', href, deed.capitalize())

    @admin.display(description="created")
    def created(self, source: Source) -> Any:
        """Return when the source was made."""
        return show_time(source.created_at)


def is_used(source: Source) -> bool:
    """Tell whether a delivery or an event of the source is stored."""
    return (
        Delivery.objects.filter(source=source).exists()
        or Event.objects.filter(source=source).exists()
    )
