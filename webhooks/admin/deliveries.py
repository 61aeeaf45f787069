"""Deliveries: what arrived at the door, and what became of it."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from webhooks.admin.base import ReadOnlyAdmin
from webhooks.admin.find.filters import (
    CountedChoicesFilter,
    VerificationFilter,
    WrittenTimeFilter,
    count_choices,
)
from webhooks.admin.find.saved_views import BuiltIn
from webhooks.admin.find.search import match_deliveries
from webhooks.admin.words.advice import describe_step
from webhooks.admin.words.labels import render_label
from webhooks.admin.words.links import link_to, shorten, show_age, show_size, show_time
from webhooks.admin.words.timeline import find_newest_secrets
from webhooks.admin.words.verifications import (
    advise_delivery,
    explain_delivery,
    explain_journey,
    explain_secret,
)
from webhooks.models import Delivery, Event, SigningSecret, Source

Verification = Delivery.Verification

NOTHING_READ = "None: nothing is read of a delivery that is not proven genuine"
NO_EVENT = "None: what it holds is no event"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries."""

    list_display = ["age", "result", "verified", "event_link", "source", "size"]
    list_filter = [
        ("outcome", CountedChoicesFilter),
        VerificationFilter,
        ("source", RelatedDropdownFilter),
        ("received_at", WrittenTimeFilter),
    ]
    counted = count_choices("outcome__exact", "outcome", ("duplicate", "conflict", "rejected"))
    built_in_views = [
        BuiltIn(name, partial(dict, outcome__exact=outcome), partial(Q, outcome=outcome))
        for name, outcome in (
            ("Conflicts", "conflict"),
            ("Turned away", "rejected"),
            ("Came again", "duplicate"),
        )
    ]
    list_select_related = ["source", "event"]
    search_fields = ["event__event_id"]
    search_help_text = "Event id or conversation"
    fieldsets = [
        (None, {"fields": [("received", "result"), ("event_link", "source_link")]}),
        (
            "Verification",
            {"fields": [("verified", "signing_secret"), ("sent", "from_address"), "size"]},
        ),
    ]

    change_form_template = "admin/webhooks/outcome.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Leave the bodies where they are, and the secrets encrypted."""
        return super().get_queryset(request).defer("event__body", "event__body_sha256")

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Delivery | None:
        """Bring the secret along that the delivery was signed with, but not its value."""
        delivery: Delivery | None = super().get_object(request, *args, **kwargs)
        if delivery is not None and delivery.secret_id is not None:
            secrets = SigningSecret.objects.defer("value")
            delivery.secret = secrets.get(pk=delivery.secret_id)
        return delivery

    def get_page_context(self, request: HttpRequest, obj: Delivery) -> dict[str, Any]:
        """Return what became of the delivery, in words, and what to do about it."""
        return {
            **super().get_page_context(request, obj),
            "step": describe_step(advise_delivery(obj), request.user),
            "heading": f"Delivery {obj.get_outcome_display()}",
            "meaning": explain_delivery(obj),
        }

    def match(self, term: str) -> Q:
        """Find deliveries by their event or its conversation."""
        return match_deliveries(term)

    @admin.display(description="received")
    def received(self, delivery: Delivery) -> Any:
        """Return when it came, by our clock."""
        return show_time(delivery.received_at)

    @admin.display(description="received")
    def age(self, delivery: Delivery) -> SafeString | str:
        """Return how long ago it came."""
        return show_age(delivery.received_at)

    @admin.display(description="sent")
    def sent(self, delivery: Delivery) -> Any:
        """Return when it was signed, by the sender's clock."""
        if delivery.signed_at is None:
            return "-"
        journey = explain_journey(delivery.signed_at, delivery.received_at)
        return format_html("{}, {}", show_time(delivery.signed_at), journey)

    @admin.display(description="outcome")
    def result(self, delivery: Delivery) -> SafeString:
        """Return what became of it."""
        return render_label(Delivery.Outcome(delivery.outcome))

    @admin.display(description="verification")
    def verified(self, delivery: Delivery) -> str:
        """Return whether the signature held."""
        return delivery.get_verification_display()

    @admin.display(description="event")
    def event_link(self, delivery: Delivery) -> SafeString | str:
        """Return the way to the event; a rejected delivery has none."""
        event = delivery.event
        if event is None:
            return NO_EVENT if delivery.verification == Verification.VERIFIED else NOTHING_READ
        text = f"{event.event_type} {shorten(event.event_id)}"
        return link_to(Event, event.pk, text, str(event.event_id))

    @admin.display(description="source")
    def source_link(self, delivery: Delivery) -> SafeString:
        """Return the way to the source."""
        return link_to(Source, delivery.source_id, delivery.source.slug)

    @admin.display(description="signed with")
    def signing_secret(self, delivery: Delivery) -> str:
        """Return which secret the signature was made with, and whether it is the newest."""
        newest = find_newest_secrets([delivery.source_id])
        return explain_secret(delivery.secret, newest.get(delivery.source_id)) or "-"

    @admin.display(description="from")
    def from_address(self, delivery: Delivery) -> str:
        """Return the address that the request came from."""
        return delivery.remote_address or "-"

    @admin.display(description="size")
    def size(self, delivery: Delivery) -> str:
        """Return the size of the body."""
        return show_size(delivery.body_bytes)
