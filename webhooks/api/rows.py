"""What all addresses have in common: lists of rows, and single ones."""

from datetime import UTC
from typing import Any, TypeVar

from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from webhooks.api.access import VIEW_PAYLOAD, ActionThrottle, Permitted, find_missing
from webhooks.api.bodies import StrictJSONParser
from webhooks.api.filters import check_parameters, read_yes_or_no
from webhooks.api.problems import answer_fault
from webhooks.audit import actor_of, record
from webhooks.models import AuditEntry

MOST_NESTED = 100
"""Rows shown inside another one: a sender may repeat an event thousands of times."""

PAYLOAD = "payload"
"""The parameter that asks for what was said, of a single row."""

ModelT = TypeVar("ModelT", bound=Model)
ViewT = TypeVar("ViewT", bound=type[APIView])


class Metadata(SimpleMetadata):
    """Answers OPTIONS with what an address is for; what can be sent stands in the document."""

    def determine_actions(self, request: Request, view: APIView) -> dict[str, Any]:  # noqa: ARG002 -- DRF's signature
        """Return nothing: REST framework would guess it from what is answered."""
        return {}


class ProgramView(APIView):
    """Reads and writes the same for everybody, and answers faults of ours in JSON, too."""

    metadata_class = Metadata
    parser_classes = [StrictJSONParser]
    throttle_classes = [UserRateThrottle, ActionThrottle]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the request in UTC, whatever zone the person has whose session it is."""
        with timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, authorise and throttle."""
        # Django would read the query in the charset that the request claims for its body.
        request._request.encoding = "utf-8"  # noqa: SLF001 -- REST framework only passes on reading
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer what was raised; Django would answer a fault with a page for people."""
        try:
            return super().handle_exception(exc)
        except Exception as fault:  # noqa: BLE001 -- whatever it is
            return answer_fault(self.request._request, fault)  # noqa: SLF001 -- as Django's own logging takes it


# Who may see an answer is decided each time.
@method_decorator(never_cache, name="dispatch")
class RowViewSet(ProgramView, ReadOnlyModelViewSet[ModelT]):
    """A list of rows and single ones, for users who may view the model."""

    permission_classes = [Permitted]
    needs: tuple[str, ...] = ()
    """What an action needs beyond the permission to view the model; said by its decorator."""
    has_payload = False
    """Whether a single row has fields with what was said."""
    detail_serializer_class: type[BaseSerializer[ModelT]]
    filterset_class: type[FilterSet]

    def list_needed(self) -> tuple[str, ...]:
        """Return the permissions that the request needs."""
        opts = self.queryset.model._meta  # type: ignore[arg-type, union-attr] # noqa: SLF001 -- documented API
        seeing = (VIEW_PAYLOAD,) if self.shows_payload() else ()
        return (f"{opts.app_label}.view_{opts.model_name}", *self.needs, *seeing)

    def filter_queryset(self, queryset: QuerySet[ModelT, Any]) -> QuerySet[ModelT, Any]:
        """Narrow lists; a single row is named by its address alone."""
        if self.detail:
            check_parameters(self.request, {PAYLOAD} if self.has_payload else ())
            return queryset
        check_parameters(self.request, self.filterset_class.base_filters, is_list=True)
        return super().filter_queryset(queryset)

    def get_serializer_class(self) -> type[BaseSerializer[ModelT]]:
        """Return the serializer of a single row or of a list's."""
        return self.detail_serializer_class if self.detail else super().get_serializer_class()

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell the serializer whether payload is shown."""
        return {**super().get_serializer_context(), "shows_payload": self.shows_payload()}

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002 -- DRF's signature
        """Return a row; a look at what was said is written down."""
        row = self.get_object()
        if self.shows_payload():
            self.note_look(row)
        return Response(self.get_serializer(row).data)

    def pick_viewable(self, nested: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows to show within others: none, and no query, for who may not view them."""
        if getattr(self, "swagger_fake_view", False):
            return nested
        opts = nested.model._meta  # noqa: SLF001 -- documented API
        needed = f"{opts.app_label}.view_{opts.model_name}"
        return nested.none() if find_missing(self.request.user, (needed,)) else nested

    def shows_payload(self) -> bool:
        """Tell whether payload is asked for; the OpenAPI document describes the answer with it."""
        if getattr(self, "swagger_fake_view", False):
            return True
        is_single = self.has_payload and self.detail and self.action == "retrieve"
        return is_single and read_yes_or_no(self.request, PAYLOAD)

    def note_look(self, row: ModelT) -> None:
        """Write down that somebody looks at what was said; raises where that cannot be done."""
        record(AuditEntry.Action.PAYLOAD_SEEN, actor_of(self.request, AuditEntry.Door.API), row)


def describe_payload(view: ViewT) -> ViewT:
    """Describe the parameter of a single row with `has_payload`; decorates its view set."""
    shows = OpenApiParameter(
        PAYLOAD,
        bool,
        description="`true` shows what was said, which needs `webhooks.view_payload` and is written"
        " down.",
    )
    return extend_schema_view(retrieve=extend_schema(parameters=[shows]))(view)


def prefetch_first(name: str, rows: QuerySet[Any]) -> "Prefetch[Any]":
    """Have the first `MOST_NESTED` of a row's `rows` put into its attribute `first_<name>`."""
    return Prefetch(name, rows.order_by("id")[:MOST_NESTED], to_attr=f"first_{name}")
