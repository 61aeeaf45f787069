"""Filters that several lists may have."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
)

from webhooks.models import Conversation, Delivery, Effect, Event, Route
from webhooks.models.event import COMMON_TYPES
from webhooks.models.time_bounds import narrow

ANALYSED_WITHIN = timedelta(minutes=15)
"""How long a conversation's analysis may take before it is missing."""

EARLIEST, LATEST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 -- of any zone
"""Bounds of a span that all zones, and moments a little before and after, have a date for."""

Counted = Mapping[tuple[str, str], Q]
"""Choices that are shown with how many rows they have, by the filter's parameter and the value;
each must be served by an index that holds little else."""


def count_choices(parameter: str, column: str, values: Sequence[str]) -> Counted:
    """Return the choices of a filter by `column` that are shown with a count."""
    return {(parameter, value): Q(**{column: value}) for value in values}


class CountedFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Offers choices, some with how many rows they have; what the list's page counts, it says."""

    lookup_choices: list[tuple[str, str]]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the form, with the counts in its choices."""
        counts = getattr(changelist, "choice_counts", {})
        offered = self.lookup_choices
        self.lookup_choices = [
            (value, add_count(text, counts.get((self.parameter_name, value))))
            for value, text in offered
        ]
        yield from super().choices(changelist)


class CountedChoicesFilter(ChoicesDropdownFilter):  # type: ignore[misc] # unfold ships no types
    """As `CountedFilter`, for the choices of a column."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the form, with the counts in its choices."""
        counts = getattr(changelist, "choice_counts", {})
        for choice in super().choices(changelist):
            field = choice["form"].fields[self.lookup_kwarg]
            field.choices = [
                (value, add_count(text, counts.get((self.lookup_kwarg, value))))
                for value, text in field.choices
            ]
            yield choice


def add_count(text: str, count: str | None) -> str:
    """Return a choice with its count, where it has one."""
    return f"{text} ({count})" if count else text


class TimeRangeFilter(RangeDateTimeFilter):  # type: ignore[misc] # unfold ships no types
    """From and until a time in the reader's zone; a day without a time of day counts as a whole.

    unfold's own reads what its form sends in American notation, passes over what is none, and
    needs scripts to choose a day.
    """

    template = "admin/time_range.html"
    form_class = forms.Form

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:  # noqa: ARG002 -- Django's signature
        """Return the rows between the bounds; none where a bound is not a time."""
        try:
            since = self.read_bound("from", time.min)
            until = self.read_bound("to", time.max)
        except (ValidationError, OverflowError):
            return queryset.none()
        if since:
            queryset = queryset.filter(**{f"{self.field_path}__gte": since})
        if until:
            queryset = queryset.filter(**{f"{self.field_path}__lte": until})
        return self.look_where(queryset, since, until)

    def look_where(
        self,
        queryset: QuerySet[Model],
        since: datetime | None,  # noqa: ARG002 -- for subclasses
        until: datetime | None,  # noqa: ARG002
    ) -> QuerySet[Model]:
        """Return `queryset` with what is known of the keys of such rows; here, nothing is."""
        return queryset

    def read_bound(self, bound: str, time_of_day: time) -> datetime | None:
        """Return the bound that was sent, at `time_of_day` where that is left open.

        An hour that the clock shows twice in autumn belongs to the span, both times. What is at
        the end of time is a little nearer, so that one can reckon with it.
        """
        day = self.used_parameters.get(f"{self.field_path}_{bound}_0")
        if not day:
            return None
        sent = self.used_parameters.get(f"{self.field_path}_{bound}_1")
        if sent:
            time_of_day = forms.TimeField().clean(sent)
        moment = datetime.combine(forms.DateField().clean(day), time_of_day)
        moment = min(max(moment, EARLIEST), LATEST)
        return timezone.make_aware(moment.replace(fold=int(bound == "to")))

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # noqa: ARG002 -- Django's signature
        """Yield what the form shows: for either bound its parameters and what was sent."""
        for bound, label in (("from", "From"), ("to", "Until")):
            name = f"{self.field_path}_{bound}"
            yield {
                "label": label,
                "name": name,
                "day": show_sent(forms.DateField(), self.used_parameters.get(f"{name}_0")),
                "time": show_sent(forms.TimeField(), self.used_parameters.get(f"{name}_1")),
            }


class WrittenTimeFilter(TimeRangeFilter):
    """A span of time in which rows were written: their keys say as much."""

    def look_where(
        self, queryset: QuerySet[Model], since: datetime | None, until: datetime | None
    ) -> QuerySet[Model]:
        """Return `queryset` with the keys of that time."""
        return narrow(queryset, self.field_path, since, until)


class EndTimeFilter(TimeRangeFilter):
    """A span of time in which effects came to their end, which none does before it is planned."""

    def look_where(
        self,
        queryset: QuerySet[Model],
        since: datetime | None,  # noqa: ARG002 -- it may have been planned long before
        until: datetime | None,
    ) -> QuerySet[Model]:
        """Return `queryset` without what was planned later."""
        return narrow(queryset, "created_at", None, until)


class AnalysisFilter(CountedFilter):
    """Conversations whose analysis is missing."""

    title = "analysis"
    parameter_name = "analysis"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the one choice there is."""
        return [("missing", "missing")]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's signature
        queryset: QuerySet[Conversation],
    ) -> QuerySet[Conversation]:
        """Return the conversations without one."""
        return queryset.filter(lacks_analysis()) if self.value() == "missing" else queryset


def lacks_analysis() -> Q:
    """Return what holds for conversations that ended a while ago and have no analysis."""
    return Q(ended_at__lte=Now() - ANALYSED_WITHIN, ended_at__isnull=False, analysed_at=None)


def show_sent(field: forms.Field, sent: str | None) -> str:
    """Return what was sent as browsers fill their fields in; nothing where it is no such thing."""
    try:
        read = field.clean(sent) if sent else None
    except ValidationError:
        return ""
    return read.isoformat() if read else ""


class WaitingFilter(CountedFilter):
    """Rows that went wrong and wait for somebody to retry or close them."""

    title = "attention"
    parameter_name = "needs"
    column: str
    states: Sequence[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the one choice there is."""
        return [("people", "needs people")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:  # noqa: ARG002
        """Return the rows that failed or are dead."""
        if self.value() != "people":
            return queryset
        return queryset.filter(**{f"{self.column}__in": self.states})


class WaitingEventFilter(WaitingFilter):
    """Events whose processing failed or is dead."""

    column, states = "status", Event.STOPPED


class WaitingEffectFilter(WaitingFilter):
    """Effects that failed or are dead."""

    column, states = "state", Effect.STOPPED


class FailedEffectFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Events with an effect that went wrong, at an integration or at any."""

    title = "failed effect"
    parameter_name = "failed_effect"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the integrations."""
        return [("any", "on any integration"), *Effect.Integration.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:  # noqa: ARG002
        """Return the events that have such an effect."""
        if not self.value():
            return queryset
        which = self.value()
        return queryset.filter(has_failed_effect("" if which == "any" else which))


def has_failed_effect(integration: str = "") -> Q:
    """Return what holds for events with an effect that waits for people, there or anywhere."""
    effects = Effect.objects.filter(state__in=Effect.STOPPED).order_by()
    if integration:
        effects = effects.filter(integration=integration)
    return Q(pk__in=effects.values("event"))


class EventTypeFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Offers the types that are known beforehand: to read them from the events takes a scan."""

    title = "event type"
    parameter_name = "event_type"
    column: ClassVar[str] = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the sender's types and those that a route asks for."""
        routed = Route.objects.values_list("event_type", flat=True)
        return [(name, name) for name in sorted({*COMMON_TYPES, *routed})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:  # noqa: ARG002
        """Return the rows of the chosen type."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class EffectEventTypeFilter(EventTypeFilter):
    """Effects by the type of the event that owes them."""

    column = "event__event_type"


class VerificationFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
    """Deliveries by the verdict on their signature."""

    title = "verification"
    parameter_name = "verification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the verdicts."""
        return list(Delivery.Verification.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:  # noqa: ARG002
        """Return the deliveries with the chosen verdict."""
        if not self.value():
            return queryset
        if self.value() != Delivery.Verification.VERIFIED:
            # Says nothing new, but only so does the index on what was not accepted serve.
            queryset = queryset.filter(outcome=Delivery.Outcome.REJECTED)
        return queryset.filter(verification=self.value())
