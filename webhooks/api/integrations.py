"""Integrations: whether effects may run, and why not."""

from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.db.models.functions import Now
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.admin.explanations import explain_budget, name_backend
from integrations.base import Alias
from integrations.budget import NOTHING_TO_LIFT
from integrations.budget.rows import make_rows
from integrations.kinds import REQUESTS
from integrations.models import Budget
from integrations.registry import get_backend
from webhooks.api.bodies import Reason, read_body
from webhooks.api.filters import NoFilters
from webhooks.api.pages import ByAlias
from webhooks.api.problems import ConflictError
from webhooks.api.rows import RowViewSet
from webhooks.api.schema import describe_body
from webhooks.audit import actor_of
from webhooks.models import AuditEntry
from webhooks.operations.pausing import pause_integration, resume_integration

PAUSE = "integrations.pause_integration"


class LimitsSerializer(serializers.Serializer[Any]):
    """What the settings let all workers do together; null where they set no limit."""

    dry_run = serializers.BooleanField(read_only=True, help_text="Nothing is sent.")
    requests = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="So many in `window_seconds`."
    )
    window_seconds = serializers.FloatField(read_only=True, allow_null=True)
    at_once = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="So many effects under way."
    )


class IntegrationSerializer(serializers.ModelSerializer[Budget]):
    """An integration, and whether its effects may run."""

    backend = serializers.SerializerMethodField(help_text="What applies its effects.")
    state = serializers.SerializerMethodField(help_text="Effects are only run while it is `open`.")
    explanation = serializers.SerializerMethodField(
        help_text="The state in words: since or until when, and why."
    )
    failures = serializers.IntegerField(
        read_only=True, help_text="How many effects failed in a row, as far as they are counted."
    )
    limits = serializers.SerializerMethodField(help_text="null where the settings cannot be read.")

    class Meta:
        model = Budget
        fields = (
            "alias",
            "backend",
            "state",
            "explanation",
            "failures",
            "limits",
            "paused_at",
            "paused_by",
            "paused_reason",
            "held_until",
            "open_until",
        )
        read_only_fields = fields

    def get_backend(self, budget: Budget) -> str:
        """Return the name of the class."""
        return name_backend(budget.alias)

    @extend_schema_field({"type": "string", "enum": Budget.State.values})
    def get_state(self, budget: Any) -> str:
        """Return the state now, by the database's clock."""
        return str(budget.read_state(budget.now).value)

    def get_explanation(self, budget: Any) -> str:
        """Return the state in words."""
        return explain_budget(budget, budget.now)

    @extend_schema_field(LimitsSerializer(allow_null=True))
    def get_limits(self, budget: Budget) -> dict[str, Any] | None:
        """Return what the settings say."""
        try:
            options = get_backend(cast("Alias", budget.alias)).options
        except ImproperlyConfigured:
            return None
        rate = options.read_rate()
        return {
            "dry_run": options.dry_run,
            "requests": rate.requests if rate else None,
            "window_seconds": rate.window.total_seconds() if rate else None,
            "at_once": options.read_concurrency(),
        }


class IntegrationViewSet(RowViewSet[Budget]):
    """Integrations, whether or not anything was ever asked of them."""

    queryset = Budget.objects.all()
    serializer_class = IntegrationSerializer
    detail_serializer_class = IntegrationSerializer
    filterset_class = NoFilters
    pagination_class = ByAlias
    lookup_value_regex = "[a-z]{1,10}"

    def get_queryset(self) -> QuerySet[Budget]:
        """Return the integrations, with the database's time, which theirs are compared with."""
        budgets = super().get_queryset()
        if not getattr(self, "swagger_fake_view", False) and len(budgets) < len(REQUESTS):
            make_rows(REQUESTS)
        return budgets.annotate(now=Now())

    @extend_schema(request=describe_body(Reason), responses=IntegrationSerializer)
    @action(detail=True, methods=["post"], needs=(PAUSE,))
    def pause(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Run none of its effects, until somebody resumes it; events are still taken."""
        reason = read_body(request, Reason).reason
        budget = self.get_object()
        actor = actor_of(request, AuditEntry.Door.API)
        if not pause_integration(cast("Alias", budget.alias), actor, reason):
            raise ConflictError("It is paused already.")
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=describe_body(Reason), responses=IntegrationSerializer)
    @action(detail=True, methods=["post"], needs=(PAUSE,))
    def resume(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Run its effects again at once, whatever keeps them back: a pause, a hold, a circuit."""
        reason = read_body(request, Reason).reason
        budget = self.get_object()
        actor = actor_of(request, AuditEntry.Door.API)
        if not resume_integration(cast("Alias", budget.alias), actor, reason):
            raise ConflictError(NOTHING_TO_LIFT)
        return Response(self.get_serializer(self.get_object()).data)
