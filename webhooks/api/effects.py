"""Effects: what is owed to the integrations, and every try of it."""

from django.db.models import F, QuerySet
from django_filters.rest_framework import ChoiceFilter, FilterSet, UUIDFilter
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api.asking import describe_run, start_run
from webhooks.api.bodies import Reason, read_body
from webhooks.api.fields import PayloadAwareSerializer, RequestField
from webhooks.api.filters import KeyFilter, NeedsPeopleFilter, SinceFilter, TextFilter, UntilFilter
from webhooks.api.rows import RowViewSet, describe_payload
from webhooks.api.schema import describe_body
from webhooks.models import Attempt, Effect, Replay
from webhooks.operations.actions import PERMISSIONS
from webhooks.operations.selection import EffectSelection

Action = Replay.Action


class EventEffectSerializer(serializers.ModelSerializer[Effect]):
    """An effect as a part of its event."""

    status = serializers.ChoiceField(
        source="state",
        choices=Effect.State.choices,
        read_only=True,
        help_text="`dead` has used up its attempts; `failed` and `dead` wait for people, who retry"
        " it or have it `closed`.",
    )
    priority = serializers.SerializerMethodField(
        help_text="Of what is due at an integration, `live` goes before `retry`, and this before"
        " `replay`."
    )
    attempts = serializers.IntegerField(
        source="attempts_made", read_only=True, help_text="How many attempts there have been."
    )

    @extend_schema_field({"type": "string", "enum": Effect.Priority.labels})
    def get_priority(self, effect: Effect) -> str:
        """Return the priority's name."""
        return effect.get_priority_display()

    class Meta:
        model = Effect
        fields: tuple[str, ...] = (
            "id",
            "integration",
            "status",
            "priority",
            "attempts",
            "attempts_limit",
            "idempotency_key",
            "reason",
            "external_id",
            "external_url",
            "due_at",
            "created_at",
            "finished_at",
            "replay",
            "redo_of",
        )
        read_only_fields: tuple[str, ...] = fields


class EffectSerializer(EventEffectSerializer):
    """An effect by itself: it also names its event and conversation."""

    event_id = serializers.UUIDField(source="event_uuid", read_only=True)
    event_type = serializers.CharField(read_only=True)
    conversation_uuid = serializers.CharField(read_only=True)

    class Meta(EventEffectSerializer.Meta):
        fields = (*EventEffectSerializer.Meta.fields, "event_id", "event_type", "conversation_uuid")
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try of an effect."""

    class Meta:
        model = Attempt
        fields = (
            "number",
            "outcome",
            "started_at",
            "finished_at",
            "worker",
            "error_class",
            "error",
        )
        read_only_fields = fields


class EffectDetailSerializer(PayloadAwareSerializer, EffectSerializer):
    """An effect with what it asks for and every try of it."""

    payload_fields = ("request", "preview")
    request = RequestField(
        read_only=True,
        help_text="What is asked, where that was settled when the effect was planned; otherwise"
        " null, as without `payload=true`.",
    )
    preview = RequestField(
        read_only=True,
        help_text="What would have been sent, where the integration only rehearsed; otherwise null,"
        " as without `payload=true`.",
    )
    attempt_history = AttemptSerializer(source="attempts", many=True, read_only=True)

    class Meta(EffectSerializer.Meta):
        fields = (*EffectSerializer.Meta.fields, "request", "preview", "attempt_history")
        read_only_fields = fields


class EffectFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows effects by what they are for and how they stand."""

    status = ChoiceFilter(field_name="state", choices=Effect.State.choices)
    needs_people = NeedsPeopleFilter(field_name="state")
    integration = ChoiceFilter(choices=Effect.Integration.choices)
    event = UUIDFilter(field_name="event__event_id", help_text="An `event_id`.")
    conversation = TextFilter(
        field_name="conversation__conversation_uuid", help_text="A `conversation_uuid`."
    )
    external_id = TextFilter(help_text="What the vendor calls its record, such as a ticket number.")
    replay = KeyFilter(help_text="The `id` of the run that had it tried again or closed last.")
    planned_after = SinceFilter("created_at")
    planned_before = UntilFilter("created_at")
    # What has just ended may have been planned long before, and none ends before it is planned.
    ended_after = SinceFilter("finished_at", is_written=False)
    ended_before = UntilFilter("finished_at", written="created_at")

    class Meta:
        model = Effect
        fields: tuple[str, ...] = ()


@describe_payload
class EffectViewSet(RowViewSet[Effect]):
    """Effects, the latest planned first.

    A single one shows its attempts as well and, to users with the permission
    `webhooks.view_payload` who ask for it with `payload=true`, what is asked of the integration
    and what a dry run would have sent.
    """

    queryset = Effect.objects.all()
    serializer_class = EffectSerializer
    detail_serializer_class = EffectDetailSerializer
    filterset_class = EffectFilter
    has_payload = True

    def get_queryset(self) -> QuerySet[Effect]:
        """Return effects with what is shown of them."""
        effects = name_origin(super().get_queryset())
        if self.detail and self.shows_payload():
            return effects
        return effects.defer("request", "preview")

    @describe_run
    @extend_schema(request=describe_body(Reason))
    @action(detail=True, methods=["post"], needs=(PERMISSIONS[Action.RETRY, "effects"],))
    def retry(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Try it again, if it failed, is dead or was closed."""
        return self.start(request, Action.RETRY)

    @describe_run
    @extend_schema(request=describe_body(Reason))
    @action(detail=True, methods=["post"], needs=(PERMISSIONS[Action.CLOSING, "effects"],))
    def close(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Have it wait for people no longer, if it failed or is dead."""
        return self.start(request, Action.CLOSING)

    @describe_run
    @extend_schema(request=describe_body(Reason))
    @action(detail=True, methods=["post"], needs=(PERMISSIONS[Action.REDO, "effects"],))
    def redo(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Do it again although it succeeded: what is owed once is then there twice."""
        return self.start(request, Action.REDO)

    def start(self, request: Request, doing: Replay.Action) -> Response:
        """Have something done to the effect that the address names."""
        reason = read_body(request, Reason).reason
        return start_run(request, doing, EffectSelection(effects=(self.get_object().pk,)), reason)


def name_origin(effects: QuerySet[Effect]) -> QuerySet[Effect]:
    """Add the names of the event and the conversation that an effect comes from."""
    return effects.annotate(
        event_uuid=F("event__event_id"),
        event_type=F("event__event_type"),
        conversation_uuid=F("conversation__conversation_uuid"),
    )
