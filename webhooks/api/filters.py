"""What lists can be narrowed by. A value that cannot be meant is a 400 that names its field."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters.rest_framework import (
    CharFilter,
    ChoiceFilter,
    FilterSet,
    IsoDateTimeFilter,
    UUIDFilter,
)
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings

from webhooks.api.pages import NewestFirst
from webhooks.models import Conversation, Delivery, Effect, Event, Source

ON_EVERY_LIST = frozenset(
    {
        NewestFirst.cursor_query_param,
        NewestFirst.page_size_query_param,
        api_settings.URL_FORMAT_OVERRIDE,
    }
)

TIME_FORMAT = "A time in ISO 8601, in UTC unless it says otherwise; a `+` is sent as `%2B`."


class YesNoFilter(ChoiceFilter):  # type: ignore[misc] # django-filter ships no types
    """Takes `true` or `false`, and refuses anything else, which django-filter's own passes over."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")], **kwargs)


class EventFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows events by columns that carry no payload."""

    event_type = CharFilter()
    status = ChoiceFilter(choices=Event.Status.choices)
    needs_people = YesNoFilter(
        method="filter_needs_people", help_text="`true`: those that failed or are dead."
    )
    source = CharFilter(method="filter_source", help_text="The source's slug.")
    conversation = CharFilter(field_name="conversation_uuid", help_text="A `conversation_uuid`.")
    organization = CharFilter(field_name="organization_uuid", help_text="The organization's id.")
    received_after = IsoDateTimeFilter(
        field_name="received_at", lookup_expr="gte", help_text=f"From then on. {TIME_FORMAT}"
    )
    received_before = IsoDateTimeFilter(
        field_name="received_at", lookup_expr="lt", help_text=f"Until just before. {TIME_FORMAT}"
    )
    # Every event has an accepted delivery, and none has a rejected one.
    delivery_outcome = ChoiceFilter(
        choices=[
            (outcome.value, outcome.label)
            for outcome in (Delivery.Outcome.DUPLICATE, Delivery.Outcome.CONFLICT)
        ],
        method="filter_delivery_outcome",
        help_text="Events that also came again, the same or with another body.",
    )

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()

    def filter_needs_people(
        self,
        events: QuerySet[Event],
        name: str,  # noqa: ARG002 -- django-filter's signature
        needs: str,
    ) -> QuerySet[Event]:
        """Keep the events that wait for people, or those that do not."""
        stopped = Q(status__in=Event.STOPPED)
        return events.filter(stopped if needs == "true" else ~stopped)

    def filter_source(
        self,
        events: QuerySet[Event],
        name: str,  # noqa: ARG002 -- django-filter's signature
        slug: str,
    ) -> QuerySet[Event]:
        """Keep the events of the source `slug`."""
        # Asked for first, since Postgres has to know which source it is to see whether reading
        # back from the latest event, or the index on source and id, finds a page's events sooner.
        source = Source.objects.filter(slug=slug).only("pk").first()
        return events.filter(source=source) if source else events.none()

    def filter_delivery_outcome(
        self,
        events: QuerySet[Event],
        name: str,  # noqa: ARG002 -- django-filter's signature
        outcome: str,
    ) -> QuerySet[Event]:
        """Keep the events that have a delivery with `outcome`."""
        return events.filter(Exists(Delivery.objects.filter(event=OuterRef("pk"), outcome=outcome)))


class ConversationFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows conversations; not by phone number, which would end up in access logs."""

    status = CharFilter(help_text="As the sender says it, such as `completed`.")
    organization = CharFilter(field_name="organization_uuid", help_text="The organization's id.")

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ()


class EffectFilter(FilterSet):  # type: ignore[misc] # django-filter ships no types
    """Narrows effects by what they are for and how they stand."""

    status = ChoiceFilter(field_name="state", choices=Effect.State.choices)
    needs_people = YesNoFilter(
        method="filter_needs_people", help_text="`true`: those that failed or are dead."
    )
    integration = ChoiceFilter(choices=Effect.Integration.choices)
    event = UUIDFilter(field_name="event__event_id", help_text="An `event_id`.")
    conversation = CharFilter(
        field_name="conversation__conversation_uuid", help_text="A `conversation_uuid`."
    )

    def filter_needs_people(
        self,
        effects: QuerySet[Effect],
        name: str,  # noqa: ARG002 -- django-filter's signature
        needs: str,
    ) -> QuerySet[Effect]:
        """Keep the effects that wait for people, or those that do not."""
        stopped = Q(state__in=Effect.STOPPED)
        return effects.filter(stopped if needs == "true" else ~stopped)

    class Meta:
        model = Effect
        fields: tuple[str, ...] = ()


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Raise ValidationError for a parameter that no list knows or that is given twice.

    A mistyped filter would otherwise answer with everything.
    """
    allowed = ON_EVERY_LIST | set(known)
    problems = {}
    for name, values in request.query_params.lists():
        if name not in allowed:
            problems[name] = [f"Unknown; there are: {', '.join(sorted(allowed))}."]
        elif len(values) > 1:
            problems[name] = ["Give one value."]
    if problems:
        raise ValidationError(problems)
