"""Runs: what people have had done to many rows; looked at, asked for, and stopped."""

from django.db.models import QuerySet
from django_filters.rest_framework import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api.access import require
from webhooks.api.asking import (
    PreviewSerializer,
    ReplaySerializer,
    describe_run,
    show_preview,
    start_run,
)
from webhooks.api.problems import ConflictError
from webhooks.api.rows import RowViewSet
from webhooks.api.schema import describe_bodies
from webhooks.api.wanted import PREVIEWS, RUNS, read_wanted
from webhooks.audit import actor_of
from webhooks.models import AuditEntry, Replay
from webhooks.operations.actions import PERMISSIONS, find_permission
from webhooks.operations.runs import stop

ENDED = "It has ended, or is being stopped already."


class ReplayFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows runs."""

    action = ChoiceFilter(choices=Replay.Action.choices)
    state = ChoiceFilter(choices=Replay.State.choices)

    class Meta:
        model = Replay
        fields: tuple[str, ...] = ()


class ReplayViewSet(RowViewSet[Replay]):
    """Runs, the latest asked for first: replays of events, retries, redos and closings.

    To ask for one takes `webhooks.replay_event` for events, and for effects `webhooks.retry_effect`
    or, to do again what succeeded, `webhooks.redo_effect`. It is carried out in the background.
    """

    queryset = Replay.objects.all()
    serializer_class = ReplaySerializer
    detail_serializer_class = ReplaySerializer
    filterset_class = ReplayFilter

    def get_queryset(self) -> QuerySet[Replay]:
        """Return runs with those who asked for and stopped them."""
        return super().get_queryset().select_related("requested_by", "stopped_by")

    @describe_run
    @extend_schema(request=describe_bodies(RUNS.values()))
    def create(self, request: Request) -> Response:
        """Have something done to all rows that are as it says, in the background."""
        doing, selection, reason = read_wanted(request.data, RUNS)
        require(request, PERMISSIONS[doing, selection.kind])
        return start_run(request, doing, selection, reason)

    @extend_schema(
        request=describe_bodies(PREVIEWS.values()),
        responses=PreviewSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What a run would do, without doing any of it; takes the same permission."""
        doing, selection, _ = read_wanted(request.data, PREVIEWS)
        require(request, PERMISSIONS[doing, selection.kind])
        return show_preview(doing, selection)

    @extend_schema(request=None, responses=ReplaySerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:  # noqa: ARG002 -- DRF's signature
        """Have a run end after the rows that it is at; takes the permission to ask for it."""
        run = self.get_object()
        needed = find_permission(run)
        if needed is None:
            # Of a run from before selections were told apart, which has ended since.
            raise ConflictError(ENDED)
        require(request, needed)
        if not stop(run, actor_of(request, AuditEntry.Door.API)):
            raise ConflictError(ENDED)
        return Response(ReplaySerializer(self.get_object()).data)
