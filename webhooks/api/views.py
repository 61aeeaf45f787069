"""Read events, conversations and effects: `GET /api/v1/...`, and nothing else than GET."""

from typing import Any, TypeVar

from django.db.models import F, Model, Prefetch, QuerySet
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django_filters.rest_framework import FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from webhooks.api.access import PayloadPermission, ViewPermission, may_see_payload
from webhooks.api.errors import PayloadGoneError
from webhooks.api.filters import ConversationFilter, EffectFilter, EventFilter, check_parameters
from webhooks.api.serializers import (
    PERSONAL,
    ConversationDetailSerializer,
    ConversationSerializer,
    EffectDetailSerializer,
    EffectSerializer,
    EventSerializer,
)
from webhooks.models import Conversation, Delivery, Effect, Event

MOST_NESTED = 100
"""Rows shown inside another one: a sender may repeat an event thousands of times."""

ModelT = TypeVar("ModelT", bound=Model)


class GetOnly(APIView):
    """Answers 405 to any other method, before it asks who is there."""

    http_method_names = ["get", "head"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is not GET; otherwise authenticate, authorise and throttle."""
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(str(request.method))
        # Django would read the query in the charset that the request claims for its body.
        request._request.encoding = "utf-8"  # noqa: SLF001 -- REST framework only passes on reading
        super().initial(request, *args, **kwargs)


# Who may see an answer is decided each time.
@method_decorator(never_cache, name="dispatch")
class RowViewSet(GetOnly, ReadOnlyModelViewSet[ModelT]):
    """A list of rows and single ones, for users who may view the model."""

    permission_classes = [ViewPermission]
    detail_serializer_class: type[BaseSerializer[ModelT]]
    filterset_class: type[FilterSet]

    def filter_queryset(self, queryset: QuerySet[ModelT, Any]) -> QuerySet[ModelT, Any]:
        """Narrow lists; a single row is named by its address alone."""
        if self.detail:
            return queryset
        check_parameters(self.request, self.filterset_class.base_filters)
        return super().filter_queryset(queryset)

    def get_serializer_class(self) -> type[BaseSerializer[ModelT]]:
        """Return the serializer of a single row or of a list's."""
        return self.detail_serializer_class if self.detail else super().get_serializer_class()

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell the serializer whether the user may see payload."""
        return {**super().get_serializer_context(), "shows_payload": self.shows_payload()}

    def shows_payload(self) -> bool:
        """Tell whether payload is shown; the OpenAPI document describes the answer that has it."""
        return getattr(self, "swagger_fake_view", False) or may_see_payload(self.request.user)


class EventViewSet(RowViewSet[Event]):
    """Events, the latest received first, each with its deliveries and the effects it owes."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    detail_serializer_class = EventSerializer
    filterset_class = EventFilter
    lookup_field = "event_id"

    def get_queryset(self) -> QuerySet[Event]:
        """Return events with all that is shown of them; a body is only read to be sent."""
        events = super().get_queryset()
        if self.action == "payload":
            return events.only("body")
        return (
            events.defer("body", "body_sha256")
            .annotate(source_slug=F("source__slug"))
            .prefetch_related(
                prefetch_first("deliveries", Delivery.objects.all()),
                prefetch_first("effects", Effect.objects.defer("request", "preview")),
            )
        )

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.ANY})
    @action(detail=True, permission_classes=[ViewPermission, PayloadPermission])
    def payload(self, request: Request, event_id: str) -> HttpResponse:  # noqa: ARG002 -- DRF's signature
        """The body, byte for byte as it came. Needs the permission `webhooks.view_payload`."""
        event = self.get_object()
        if event.body is None:
            raise PayloadGoneError
        return HttpResponse(bytes(event.body), content_type="application/json")


class ConversationViewSet(RowViewSet[Conversation]):
    """Conversations, the latest begun first.

    A single one shows its effects as well and, to users with the permission
    `webhooks.view_payload`, the phone numbers and what was said.
    """

    queryset = Conversation.objects.all()
    serializer_class = ConversationSerializer
    detail_serializer_class = ConversationDetailSerializer
    filterset_class = ConversationFilter
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
        effects = name_origin(Effect.objects.defer("request", "preview"))
        return conversations.prefetch_related(prefetch_first("effects", effects))


class EffectViewSet(RowViewSet[Effect]):
    """Effects, the latest planned first.

    A single one shows its attempts as well and, to users with the permission
    `webhooks.view_payload`, what is asked of the integration and what a dry run would have sent.
    """

    queryset = Effect.objects.all()
    serializer_class = EffectSerializer
    detail_serializer_class = EffectDetailSerializer
    filterset_class = EffectFilter

    def get_queryset(self) -> QuerySet[Effect]:
        """Return effects with what is shown of them."""
        effects = name_origin(super().get_queryset())
        if self.detail and self.shows_payload():
            return effects
        return effects.defer("request", "preview")


def prefetch_first(name: str, rows: QuerySet[Any]) -> "Prefetch[Any]":
    """Have the first `MOST_NESTED` of a row's `rows` put into its attribute `first_<name>`."""
    return Prefetch(name, rows.order_by("id")[:MOST_NESTED], to_attr=f"first_{name}")


def name_origin(effects: QuerySet[Effect]) -> QuerySet[Effect]:
    """Add the names of the event and the conversation that an effect comes from."""
    return effects.annotate(
        event_uuid=F("event__event_id"),
        event_type=F("event__event_type"),
        conversation_uuid=F("conversation__conversation_uuid"),
    )
