"""How rows look as JSON.

What was said (numbers, summaries, requests) is in no list, and in a single row it is null for a
user without the permission `webhooks.view_payload`.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from webhooks.models import Attempt, Conversation, Delivery, Effect, Event

PERSONAL = ("from_number", "to_number", "summary", "goals", "follow_ups")
"""The columns of a conversation that say who called or what was said."""


class WithheldField(serializers.Field[None, None, None, Any]):
    """Stands in the place of a field that the user may not see; does not touch the column."""

    def get_attribute(self, instance: object) -> None:  # noqa: ARG002 -- DRF's signature
        """Return nothing, whatever the row holds."""
        return

    def to_representation(self, value: None) -> None:
        """Return nothing."""
        return value


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One time that the event came."""

    class Meta:
        model = Delivery
        fields = (
            "received_at",
            "outcome",
            "verification",
            "reason",
            "remote_address",
            "signed_at",
            "body_bytes",
        )
        read_only_fields = fields


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
        )
        read_only_fields: tuple[str, ...] = fields


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event with its deliveries and effects, and without its body."""

    source = serializers.CharField(  # type: ignore[assignment] # DRF's fields have a `source` too
        source="source_slug", read_only=True, help_text="The slug of the source that it came to."
    )
    organization = serializers.CharField(
        source="organization_uuid", read_only=True, help_text="The id of the sender's account."
    )
    status = serializers.ChoiceField(
        choices=Event.Status.choices,
        read_only=True,
        help_text="`dead` has used up its attempts, `failed` cannot be processed at all; both wait"
        " for people, who retry it or have it `closed`.",
    )
    attempts = serializers.IntegerField(
        read_only=True, help_text="How often its processing has been tried."
    )
    deliveries = DeliverySerializer(
        source="first_deliveries",
        many=True,
        read_only=True,
        help_text="The first 100, in their order.",
    )
    effects = EventEffectSerializer(
        source="first_effects",
        many=True,
        read_only=True,
        help_text="The first 100, in their order.",
    )

    class Meta:
        model = Event
        fields = (
            "event_id",
            "event_type",
            "status",
            "source",
            "conversation_uuid",
            "agent_uuid",
            "organization",
            "organization_name",
            "created",
            "received_at",
            "processed_at",
            "attempts",
            "error",
            "body_bytes",
            "deliveries",
            "effects",
        )
        read_only_fields = fields


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


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class RequestField(serializers.JSONField):
    """What is asked of an integration, or sent to it: an object whose fields depend on its kind."""


class PayloadAwareSerializer(serializers.Serializer[Any]):
    """Has null in the fields named `payload_fields`, unless the view says `shows_payload`."""

    payload_fields: tuple[str, ...] = ()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields, the withheld ones replaced."""
        fields = super().get_fields()
        if not self.context.get("shows_payload", False):
            fields |= {name: WithheldField() for name in self.payload_fields}
        return fields


class EffectDetailSerializer(PayloadAwareSerializer, EffectSerializer):
    """An effect with what it asks for and every try of it."""

    payload_fields = ("request", "preview")
    request = RequestField(
        read_only=True,
        help_text="What is asked, where that was settled when the effect was planned; otherwise"
        " null, as without `webhooks.view_payload`.",
    )
    preview = RequestField(
        read_only=True,
        help_text="What would have been sent, where the integration only rehearsed; otherwise null,"
        " as without `webhooks.view_payload`.",
    )
    attempt_history = AttemptSerializer(source="attempts", many=True, read_only=True)

    class Meta(EffectSerializer.Meta):
        fields = (*EffectSerializer.Meta.fields, "request", "preview", "attempt_history")
        read_only_fields = fields


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    """What is known of a conversation and is not personal."""

    status = serializers.CharField(
        read_only=True,
        help_text="The sender's word: `in_progress`, `completed`, `failed`, `transferred` or"
        " another; empty while it is not known.",
    )
    organization = serializers.CharField(
        source="organization_uuid", read_only=True, help_text="The id of the sender's account."
    )

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = (
            "conversation_uuid",
            "status",
            "organization",
            "organization_name",
            "agent_uuid",
            "agent_name",
            "channel",
            "direction",
            "campaign_uuid",
            "answer_status",
            "started_at",
            "ended_at",
            "duration_seconds",
            "analysed_at",
            "score",
            "version",
            "first_seen_at",
            "updated_at",
        )
        read_only_fields: tuple[str, ...] = fields


class GoalSerializer(serializers.Serializer[dict[str, Any]]):
    """A goal of the conversation, as its analysis sees it."""

    name = serializers.CharField(read_only=True)
    achieved = serializers.BooleanField(read_only=True, allow_null=True)
    reason = serializers.CharField(read_only=True)


class FollowUpSerializer(serializers.Serializer[dict[str, Any]]):
    """Something that the analysis asks people to do."""

    key = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    due_at = serializers.CharField(read_only=True, help_text="In the analysis's own words.")
    assignee = serializers.CharField(read_only=True)


class ConversationDetailSerializer(PayloadAwareSerializer, ConversationSerializer):
    """A conversation with what was said, and its effects."""

    payload_fields = PERSONAL
    from_number = serializers.CharField(read_only=True, allow_null=True)
    to_number = serializers.CharField(read_only=True, allow_null=True)
    summary = serializers.CharField(read_only=True, allow_null=True)
    goals = GoalSerializer(many=True, read_only=True, allow_null=True)
    follow_ups = FollowUpSerializer(many=True, read_only=True, allow_null=True)
    effects = EffectSerializer(
        source="first_effects",
        many=True,
        read_only=True,
        help_text="The first 100, in their order.",
    )

    class Meta(ConversationSerializer.Meta):
        fields = (*ConversationSerializer.Meta.fields, *PERSONAL, "effects")
        read_only_fields = fields
