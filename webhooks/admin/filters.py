"""Filters that several lists may have."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter

from webhooks.models import Delivery, Effect, Event


class TimeRangeFilter(RangeDateTimeFilter):  # type: ignore[misc] # unfold ships no types
    """From and until a time in the reader's zone; a day without a time of day counts as a whole.

    unfold's own reads what its form sends in American notation, and passes over what is none.
    """

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
        return queryset

    def read_bound(self, bound: str, time_of_day: time) -> datetime | None:
        """Return the bound that was sent, at `time_of_day` where that is left open."""
        day = self.used_parameters.get(f"{self.field_path}_{bound}_0")
        if not day:
            return None
        sent = self.used_parameters.get(f"{self.field_path}_{bound}_1")
        if sent:
            time_of_day = forms.TimeField().clean(sent)
        return timezone.make_aware(datetime.combine(forms.DateField().clean(day), time_of_day))


class WaitingFilter(DropdownFilter):  # type: ignore[misc] # unfold ships no types
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
