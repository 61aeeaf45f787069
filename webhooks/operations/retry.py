"""Have effects that failed or are dead tried again, under the keys that they have.

Nothing that was applied is applied again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, cast

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.text import capfirst

from integrations.base import Alias
from webhooks.models import Effect, Replay
from webhooks.operations.selection import EffectSelection, select_effects
from webhooks.operations.undertaking import Done, Foreseen, Undertaking
from webhooks.processing.effects import retry_effects
from webhooks.processing.sweep import find_admitted

LEFT_ALONE: Mapping[Effect.State, str] = {
    Effect.State.PENDING: "tried by itself, now or when its back-off is over",
    Effect.State.RUNNING: "under way",
    Effect.State.SUCCEEDED: "done",
    Effect.State.SKIPPED: "nothing to do",
    Effect.State.CLOSED: "closed already",
}
"""Why effects are left alone, by their states."""


class EffectRetry(Undertaking):
    """A retry of the effects that a selection means.

    Those that are done, on their way or not owed are left alone; so are closed ones, unless they
    are asked for.
    """

    size: ClassVar = 500
    nothing: ClassVar = "none of them failed or is dead."

    def __init__(self, selection: EffectSelection) -> None:
        self.selection = selection

    @cached_property
    def _closed_to(self) -> frozenset[Alias]:
        return frozenset(cast("Sequence[Alias]", Effect.Integration.values)) - set(find_admitted())

    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Effect]:
        """Return the effects that are meant: where nothing names them, those that failed."""
        return find_effects(self.selection, Q(state__in=Effect.STOPPED), after, upto)

    def describe_concerned(self) -> Q:
        """Return what holds for effects that can be tried again."""
        return Q(state__in=Effect.RETRYABLE)

    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return how many effects would be tried again, by integration, and left alone, and why."""
        to_run: Counter[str] = Counter()
        left_alone: Counter[str] = Counter()
        groups = Effect.objects.filter(pk__in=keys).order_by().values_list("integration", "state")
        for integration, state, number in groups.annotate(Count("pk")):
            if state in Effect.RETRYABLE:
                to_run[integration] += number
            else:
                left_alone[state] += number
        lines = {
            f"{name_integration(alias)}: tried again": to_run[alias]
            for alias in Effect.Integration.values
        }
        notes = tuple(
            f"{name_integration(alias)} takes nothing for now: it is paused, or its vendor asks to"
            " be left alone or is out of order. Its effects wait until that is over."
            for alias in sorted(to_run)
            if alias in self._closed_to
        )
        return Foreseen(to_run.total(), lines | tell_left_alone(left_alone), notes)

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Make the stopped ones of these effects pending again."""
        restarted = restart_effects(run, keys)
        return Done(
            effects_to_run=restarted.total(),
            effects_kept=len(keys) - restarted.total(),
            due={cast("Alias", alias): number for alias, number in restarted.items()},
        )


@transaction.atomic
def restart_effects(run: Replay, keys: Sequence[int]) -> Counter[str]:
    """Make the stopped ones among the effects pending again, for `run`, whose record they name.

    Returns how many there were, by integration.
    """
    # Locked in one order, so that two people who retry the same effects wait for each other.
    locked = Effect.objects.filter(pk__in=keys, state__in=Effect.RETRYABLE)
    locked = locked.order_by("pk").select_for_update(no_key=True)
    stopped = dict(locked.values_list("pk", "integration"))
    retry_effects(list(stopped), replay=run)
    return Counter(stopped.values())


def find_effects(
    selection: EffectSelection, otherwise: Q, after: int | None, upto: int | None
) -> QuerySet[Effect]:
    """Return the effects that are meant, between the keys as `Undertaking.find` has them.

    Where the selection names neither rows nor a state, of all that match only those for which
    `otherwise` holds: nobody means a retry of what is done.
    """
    effects = select_effects(selection, after, upto)
    return effects if selection.names_rows or selection.state else effects.filter(otherwise)


def tell_left_alone(states: Mapping[str, int]) -> dict[str, int]:
    """Return how many effects are left alone, each with why."""
    return {f"Left alone: {why}": states.get(state, 0) for state, why in LEFT_ALONE.items()}


def name_integration(alias: str) -> str:
    """Return what a sentence calls the integration at its beginning."""
    return capfirst(str(Effect.Integration(alias).label))
