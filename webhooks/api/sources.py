"""Sources: who may send, and whether what they send is processed."""

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api.bodies import Reason, read_body
from webhooks.api.filters import NoFilters
from webhooks.api.problems import ConflictError
from webhooks.api.rows import RowViewSet
from webhooks.api.schema import describe_body
from webhooks.audit import actor_of
from webhooks.models import AuditEntry, Delivery, SigningSecret, Source
from webhooks.operations.sources import pause_source, resume_source

PAUSE = "webhooks.pause_source"


class SecretSerializer(serializers.ModelSerializer[SigningSecret]):
    """A signing secret, by what tells it apart; the secret itself is shown to nobody."""

    class Meta:
        model = SigningSecret
        fields = ("fingerprint", "created_at", "last_used_at", "retired_at")
        read_only_fields = fields


class SourceSerializer(serializers.ModelSerializer[Source]):
    """A source, the way it signs and what it signs with."""

    last_delivery_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When anything came last, rejected or not."
    )
    secrets = SecretSerializer(
        source="known_secrets",
        many=True,
        read_only=True,
        help_text="None without `webhooks.view_signingsecret`.",
    )

    class Meta:
        model = Source
        fields = (
            "slug",
            "name",
            "is_active",
            "paused_at",
            "paused_by",
            "paused_reason",
            "agent_scope",
            "signature_header",
            "timestamp_header",
            "id_header",
            "signed_content",
            "encoding",
            "signature_prefix",
            "secret_format",
            "replay_window",
            "allow_missing_timestamp",
            "created_at",
            "last_delivery_at",
            "secrets",
        )
        read_only_fields = fields


class SourceViewSet(RowViewSet[Source]):
    """Sources, the latest made first, with the fingerprints of their secrets."""

    queryset = Source.objects.all()
    serializer_class = SourceSerializer
    detail_serializer_class = SourceSerializer
    filterset_class = NoFilters
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Source]:
        """Return sources with what is shown of their secrets and deliveries."""
        latest = Delivery.objects.filter(source=OuterRef("pk")).order_by("-id")
        viewable = self.pick_viewable(SigningSecret.objects.defer("value"))
        secrets = Prefetch("secrets", viewable, to_attr="known_secrets")
        return (
            super()
            .get_queryset()
            .annotate(last_delivery_at=Subquery(latest.values("received_at")[:1]))
            .prefetch_related(secrets)
        )

    @extend_schema(request=describe_body(Reason), responses=SourceSerializer)
    @action(detail=True, methods=["post"], needs=(PAUSE,))
    def pause(self, request: Request, slug: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Take its events and hold them, until somebody resumes it."""
        reason = read_body(request, Reason).reason
        source = self.get_object()
        if not pause_source(source, actor_of(request, AuditEntry.Door.API), reason):
            raise ConflictError("It is paused already.")
        return Response(self.get_serializer(source).data)

    @extend_schema(request=describe_body(Reason), responses=SourceSerializer)
    @action(detail=True, methods=["post"], needs=(PAUSE,))
    def resume(self, request: Request, slug: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Process its events again, those first that are held."""
        reason = read_body(request, Reason).reason
        source = self.get_object()
        if not resume_source(source, actor_of(request, AuditEntry.Door.API), reason):
            raise ConflictError("It is not paused.")
        return Response(self.get_serializer(source).data)
