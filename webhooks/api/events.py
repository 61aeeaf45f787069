"""Events: what was reported, and what became of it."""

from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpResponse
from django_filters.rest_framework import ChoiceFilter, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api.access import VIEW_PAYLOAD
from webhooks.api.asking import (
    PreviewSerializer,
    describe_run,
    show_preview,
    start_run,
)
from webhooks.api.bodies import Reason, read_body
from webhooks.api.deliveries import EventDeliverySerializer
from webhooks.api.effects import EventEffectSerializer
from webhooks.api.filters import (
    KeyFilter,
    NeedsPeopleFilter,
    SinceFilter,
    SourceFilter,
    TextFilter,
    UntilFilter,
)
from webhooks.api.problems import PayloadGoneError
from webhooks.api.rows import RowViewSet, prefetch_first
from webhooks.api.schema import describe_body
from webhooks.models import Delivery, Effect, Event, Replay
from webhooks.operations.actions import PERMISSIONS
from webhooks.operations.selection import Selection

Action = Replay.Action


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
        help_text="`held` waits for its source to be resumed; `dead` has used up its attempts,"
        " `failed` cannot be processed at all; both wait for people, who retry it or have it"
        " `closed`.",
    )
    attempts = serializers.IntegerField(
        read_only=True, help_text="How often its processing has been tried."
    )
    deliveries = EventDeliverySerializer(
        source="first_deliveries",
        many=True,
        read_only=True,
        help_text="The first 100, in their order; none without `webhooks.view_delivery`.",
    )
    effects = EventEffectSerializer(
        source="first_effects",
        many=True,
        read_only=True,
        help_text="The first 100, in their order; none without `webhooks.view_effect`.",
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
            "replay",
            "deliveries",
            "effects",
        )
        read_only_fields = fields


class EventFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows events by columns that carry no payload."""

    event_type = TextFilter()
    status = ChoiceFilter(choices=Event.Status.choices)
    needs_people = NeedsPeopleFilter(field_name="status")
    source = SourceFilter()
    conversation = TextFilter(field_name="conversation_uuid", help_text="A `conversation_uuid`.")
    received_after = SinceFilter("received_at")
    received_before = UntilFilter("received_at")
    # Every event has an accepted delivery, and none has a rejected one.
    delivery_outcome = ChoiceFilter(
        choices=[
            (outcome.value, outcome.label)
            for outcome in (Delivery.Outcome.DUPLICATE, Delivery.Outcome.CONFLICT)
        ],
        method="filter_delivery_outcome",
        help_text="Events that also came again, the same or with another body.",
    )
    replay = KeyFilter(help_text="The `id` of the run that had it replayed or closed last.")

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()

    def filter_delivery_outcome(
        self,
        events: QuerySet[Event],
        name: str,  # noqa: ARG002 -- django-filter's signature
        outcome: str,
    ) -> QuerySet[Event]:
        """Keep the events that have a delivery with `outcome`."""
        return events.filter(Exists(Delivery.objects.filter(event=OuterRef("pk"), outcome=outcome)))


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
            return events.only("event_id", "event_type", "body")
        if self.action not in {"list", "retrieve"}:
            return events.only("event_id")
        return (
            events.defer("body", "body_sha256")
            .annotate(source_slug=F("source__slug"))
            .prefetch_related(
                prefetch_first("deliveries", self.pick_viewable(Delivery.objects.all())),
                prefetch_first(
                    "effects", self.pick_viewable(Effect.objects.defer("request", "preview"))
                ),
            )
        )

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.ANY})
    @action(detail=True, needs=(VIEW_PAYLOAD,))
    def payload(self, request: Request, event_id: str) -> HttpResponse:  # noqa: ARG002 -- DRF's signature
        """The body, byte for byte as it came. Needs the permission `webhooks.view_payload`."""
        event = self.get_object()
        if event.body is None:
            raise PayloadGoneError
        self.note_look(event)
        return HttpResponse(bytes(event.body), content_type="application/json")

    @describe_run
    @extend_schema(request=describe_body(Reason))
    @action(detail=True, methods=["post"], needs=(PERMISSIONS[Action.REPLAY, "events"],))
    def replay(self, request: Request, event_id: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Process it again, as if it had just arrived; what was done is not done twice."""
        return self.start(request, Action.REPLAY)

    @extend_schema(request=None, responses=PreviewSerializer)
    @action(
        detail=True,
        methods=["post"],
        url_path="replay/preview",
        needs=(PERMISSIONS[Action.REPLAY, "events"],),
    )
    def preview_replay(self, request: Request, event_id: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """What replaying it would do, without doing any of it."""
        return show_preview(Action.REPLAY, self.select())

    @describe_run
    @extend_schema(request=describe_body(Reason))
    @action(detail=True, methods=["post"], needs=(PERMISSIONS[Action.CLOSING, "events"],))
    def close(self, request: Request, event_id: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Have it wait for people no longer, if it failed or is dead."""
        return self.start(request, Action.CLOSING)

    def select(self) -> Selection:
        """Return the event that the address names. Raises Http404."""
        return Selection(event_ids=(self.get_object().event_id,))

    def start(self, request: Request, doing: Replay.Action) -> Response:
        """Have something done to the event that the address names."""
        reason = read_body(request, Reason).reason
        return start_run(request, doing, self.select(), reason)
