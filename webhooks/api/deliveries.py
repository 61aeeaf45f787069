"""Deliveries: what came to the door, and what became of it."""

from django.db.models import F, QuerySet
from django_filters.rest_framework import ChoiceFilter, FilterSet, UUIDFilter
from rest_framework import serializers

from webhooks.api.filters import SinceFilter, SourceFilter, UntilFilter
from webhooks.api.rows import RowViewSet
from webhooks.models import Delivery


class EventDeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One time that an event came, as a part of the event."""

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            "id",
            "received_at",
            "outcome",
            "verification",
            "reason",
            "remote_address",
            "signed_at",
            "body_bytes",
        )
        read_only_fields: tuple[str, ...] = fields


class DeliverySerializer(EventDeliverySerializer):
    """One request to a source; never any part of its body."""

    source = serializers.CharField(  # type: ignore[assignment] # DRF's fields have a `source` too
        source="source_slug", read_only=True, help_text="The slug of the source that it came to."
    )
    event_id = serializers.UUIDField(
        source="event_uuid",
        read_only=True,
        allow_null=True,
        help_text="The event that it brought, or brought again; null where it was rejected.",
    )
    secret = serializers.CharField(
        source="secret_fingerprint",
        read_only=True,
        allow_null=True,
        help_text="The fingerprint of the secret that it was signed with, as far as that is known.",
    )
    cause = serializers.CharField(
        read_only=True,
        help_text="Why the signature did not match, as far as trying has found; else empty.",
    )
    differences = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        allow_null=True,
        help_text="Of a conflict: the fields whose values are not the stored event's.",
    )

    class Meta(EventDeliverySerializer.Meta):
        fields = (
            *EventDeliverySerializer.Meta.fields,
            "source",
            "event_id",
            "secret",
            "cause",
            "cause_detail",
            "differences",
        )
        read_only_fields = fields


class DeliveryFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows deliveries."""

    outcome = ChoiceFilter(choices=Delivery.Outcome.choices)
    verification = ChoiceFilter(choices=Delivery.Verification.choices, method="filter_verification")
    source = SourceFilter()
    event = UUIDFilter(field_name="event__event_id", help_text="An `event_id`.")
    received_after = SinceFilter("received_at")
    received_before = UntilFilter("received_at")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()

    def filter_verification(
        self,
        deliveries: QuerySet[Delivery],
        name: str,  # noqa: ARG002 -- django-filter's signature
        verification: str,
    ) -> QuerySet[Delivery]:
        """Keep the deliveries with this verdict on their signature."""
        found = deliveries.filter(verification=verification)
        if verification == Delivery.Verification.VERIFIED:
            return found
        # All of them were rejected, and of those there is an index.
        return found.filter(outcome=Delivery.Outcome.REJECTED)


class DeliveryViewSet(RowViewSet[Delivery]):
    """Deliveries, the latest received first.

    Of rejected ones not all are kept where there are very many; none has any part of the body.
    """

    queryset = Delivery.objects.all()
    serializer_class = DeliverySerializer
    detail_serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter

    def get_queryset(self) -> QuerySet[Delivery]:
        """Return deliveries with the names of what they refer to."""
        return (
            super()
            .get_queryset()
            .annotate(
                source_slug=F("source__slug"),
                event_uuid=F("event__event_id"),
                secret_fingerprint=F("secret__fingerprint"),
            )
        )
