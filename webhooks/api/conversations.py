"""Conversations: what their events say together, and what was said."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework import serializers

from webhooks.api.effects import EffectSerializer, name_origin
from webhooks.api.fields import PayloadAwareSerializer
from webhooks.api.filters import TextFilter
from webhooks.api.rows import RowViewSet, describe_payload, prefetch_first
from webhooks.models import Conversation, Effect

PERSONAL = ("from_number", "to_number", "summary", "goals", "follow_ups")
"""The columns of a conversation that say who called or what was said."""


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
        help_text="The first 100, in their order; none without `webhooks.view_effect`.",
    )

    class Meta(ConversationSerializer.Meta):
        fields = (*ConversationSerializer.Meta.fields, *PERSONAL, "effects")
        read_only_fields = fields


class ConversationFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows conversations; not by phone number, which would end up in access logs."""

    status = TextFilter(help_text="As the sender says it, such as `completed`.")
    organization = TextFilter(field_name="organization_uuid", help_text="The organization's id.")

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ()


@describe_payload
class ConversationViewSet(RowViewSet[Conversation]):
    """Conversations, the latest begun first.

    A single one shows its effects as well and, to users with the permission
    `webhooks.view_payload` who ask for it with `payload=true`, the phone numbers and what was said.
    """

    queryset = Conversation.objects.all()
    serializer_class = ConversationSerializer
    detail_serializer_class = ConversationDetailSerializer
    filterset_class = ConversationFilter
    has_payload = True
    lookup_field = "conversation_uuid"
    # The sender's word, which may have any characters; only a NUL fits into no text column.
    lookup_value_regex = r"[^\0]+"

    def get_queryset(self) -> QuerySet[Conversation]:
        """Return conversations with what is shown of them."""
        conversations = super().get_queryset().defer("stamps")
        if not (self.detail and self.shows_payload()):
            conversations = conversations.defer(*PERSONAL)
        if not self.detail:
            return conversations
        effects = name_origin(self.pick_viewable(Effect.objects.defer("request", "preview")))
        return conversations.prefetch_related(prefetch_first("effects", effects))
