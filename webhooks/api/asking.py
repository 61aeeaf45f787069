"""Have something done in the background, for whichever address it is asked for at."""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from webhooks.api.fields import ChosenField
from webhooks.api.problems import ConflictError
from webhooks.audit import actor_of
from webhooks.models import AuditEntry, Replay
from webhooks.operations.redo import MOST_REDONE
from webhooks.operations.runs import (
    Asked,
    NothingToDoError,
    RequestKeyTakenError,
    RunPreview,
    ask_for,
    preview_run,
)
from webhooks.operations.selection import AnySelection

OperationT = TypeVar("OperationT", bound=Callable[..., Response])

Action = Replay.Action

MOST_PREVIEWED = 1000
"""Rows that a preview looks at, while somebody waits for it."""

KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = r"^[!-~]{1,255}$"
KEYS = uuid5(NAMESPACE_URL, "urn:switchboard:idempotency-key")


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    """A run: what was asked for, by whom and why, and how far it is."""

    requested_by = serializers.CharField(
        source="requested_by.username",
        read_only=True,
        allow_null=True,
        help_text="Who asked; null where they have no account (any more).",
    )
    requested_at = serializers.DateTimeField(source="created_at", read_only=True)
    stopped_by = serializers.CharField(
        source="stopped_by.username", read_only=True, allow_null=True
    )
    selection = ChosenField(
        read_only=True, help_text="How the rows were chosen; `rows` says of which kind they are."
    )

    class Meta:
        model = Replay
        fields = (
            "id",
            "action",
            "state",
            "requested_by",
            "requested_from",
            "requested_at",
            "reason",
            "selection",
            "found",
            "looked_at",
            "is_stopping",
            "stopped_by",
            "finished_at",
            "error",
            "events",
            "effects_to_run",
            "effects_kept",
            "effects_closed",
        )
        read_only_fields = fields


class LineSerializer(serializers.Serializer[Any]):
    """How many rows something becomes of."""

    words = serializers.CharField(read_only=True)
    number = serializers.IntegerField(read_only=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """What a run would do, as far as can be seen in a few seconds."""

    found = serializers.IntegerField(read_only=True, help_text="How many rows are meant.")
    is_counted = serializers.BooleanField(
        read_only=True, help_text="`false`: there are more than `found`."
    )
    examined = serializers.IntegerField(
        read_only=True, help_text="How many of them were looked at."
    )
    rows = serializers.IntegerField(
        read_only=True, help_text="To how many of those examined it would be done."
    )
    lines = serializers.SerializerMethodField(help_text="What would become of those.")
    notes = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="What to know beforehand."
    )

    @extend_schema_field(LineSerializer(many=True))
    def get_lines(self, preview: RunPreview) -> list[dict[str, Any]]:
        """Return the lines with names for their parts."""
        return [{"words": words, "number": number} for words, number in preview.lines]


def describe_run(operation: OperationT) -> OperationT:
    """Describe what is sent and answered where `start_run` is called; decorates the operation."""
    key = OpenApiParameter(
        KEY_HEADER,
        {"type": "string", "pattern": KEY_PATTERN},
        OpenApiParameter.HEADER,
        description="Any text that is new with each thing asked for: who sends the same request"
        " again with the same one is given the same run.",
    )
    location = OpenApiParameter(
        "Location",
        OpenApiTypes.URI,
        OpenApiParameter.HEADER,
        response=[202],
        required=True,
        description="Where to see how far it is.",
    )
    answer = OpenApiResponse(ReplaySerializer, description="It begins in a moment.")
    return extend_schema(parameters=[key, location], responses={202: answer})(operation)


def start_run(
    request: Request, action: Replay.Action, selection: AnySelection, reason: str
) -> Response:
    """Have a run begin, and answer where it can be followed.

    Raises ConflictError where there is nothing that it could be done to, where it is too much to be
    done twice, and where the request's key came before with another request.
    """
    if action is Action.REDO:
        check_bound(selection)
    asked = Asked(
        actor=actor_of(request, AuditEntry.Door.API),
        reason=reason,
        request_key=read_request_key(request),
    )
    try:
        run = ask_for(action, selection, asked)
    except (NothingToDoError, RequestKeyTakenError) as error:
        raise ConflictError(str(error)) from error
    address = reverse("replay-detail", args=[run.pk])
    headers = {"Location": request.build_absolute_uri(address)}
    return Response(ReplaySerializer(run).data, status=202, headers=headers)


def check_bound(selection: AnySelection) -> None:
    """Raise ConflictError where a redo means more effects than can be looked at beforehand."""
    if preview_run(Action.REDO, selection, limit=MOST_REDONE).is_partial:
        raise ConflictError(
            f"These are too many to do twice at once: at most {MOST_REDONE:,}. Filter them further."
        )


def show_preview(action: Replay.Action, selection: AnySelection) -> Response:
    """Answer what a run would do."""
    seen = preview_run(action, selection, limit=MOST_PREVIEWED)
    return Response(PreviewSerializer(seen).data)


def read_request_key(request: Request) -> UUID | None:
    """Return what the request's key stands for: the same key of somebody else is another one.

    Raises ValidationError for a key that is none.
    """
    given = request.headers.get(KEY_HEADER)
    if given is None:
        return None
    if not re.fullmatch(KEY_PATTERN, given):
        problem = f"{KEY_HEADER} has 1 to 255 visible ASCII characters."
        raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [problem]})
    return uuid5(KEYS, f"{request.user.pk}:{given}")
