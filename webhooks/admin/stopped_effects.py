"""What may be done with effects that went wrong."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from webhooks.admin.base import ModelAdmin
from webhooks.admin.retries import ActionPage, Chosen, ask_or_do, note_choice, write_command
from webhooks.models import Effect
from webhooks.operations.retry import (
    LEFT_ALONE,
    close_effects,
    count_closable,
    preview_retry,
    retry,
)
from webhooks.operations.selection import EffectSelection, select_effects

OPTIONS = {"integration__exact": "--integration", "state__exact": "--state"}
"""What `retry_effects` calls the filters of the list."""


def retry_chosen_effects(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Chosen
) -> HttpResponse | None:
    """Ask about a retry of the effects, or have it done and return nothing."""
    seen = preview_retry(find_effects(chosen))
    lines = [
        (f"{capfirst(Effect.Integration(alias).label)}: tried again", number)
        for alias, number in sorted(seen.to_run.items())
    ]
    waiting = [
        f"{capfirst(Effect.Integration(alias).label)} takes nothing for now: it is paused, or its"
        " vendor asks to be left alone or is out of order. Its effects wait until that is over."
        for alias in seen.waiting
    ]
    command = write_command(request, "retry_effects", OPTIONS, "--all")
    page = ActionPage(
        title="Retry effects",
        verb="Retry",
        done="to be tried again",
        meaning="Effects are tried again under the same keys: what a vendor did already, it does"
        " not do twice. They go behind what comes in meanwhile.",
        lines=[*lines, *list_left_alone(seen.left_alone)],
        rows=seen.rows,
        notes=[*note_choice(chosen, command), *waiting],
    )
    return ask_or_do(
        model_admin,
        request,
        chosen,
        page,
        lambda asked: retry(EffectSelection(effects=chosen.pks), asked),
    )


def close_chosen_effects(
    model_admin: ModelAdmin, request: HttpRequest, chosen: Chosen
) -> HttpResponse | None:
    """Ask about closing the effects, or have it done and return nothing."""
    closable, left_alone = count_closable(find_effects(chosen))
    page = ActionPage(
        title="Close effects",
        verb="Close",
        done="closed",
        meaning="Closed effects wait for nobody any more, and what they owed is not done. They can"
        " still be retried later.",
        lines=[("Closed", closable), *list_left_alone(left_alone)],
        rows=closable,
        notes=note_choice(chosen),
    )
    return ask_or_do(
        model_admin,
        request,
        chosen,
        page,
        lambda asked: close_effects(EffectSelection(effects=chosen.pks), asked),
    )


def find_effects(chosen: Chosen) -> QuerySet[Effect]:
    """Return the effects that were chosen; a selection of none would mean all that wait."""
    if not chosen.pks:
        return Effect.objects.none()
    return select_effects(EffectSelection(effects=chosen.pks))


def list_left_alone(states: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return for a page how many effects are left alone, and why."""
    return [
        (f"Left alone: {LEFT_ALONE[Effect.State(state)]}", number)
        for state, number in sorted(states.items())
    ]
