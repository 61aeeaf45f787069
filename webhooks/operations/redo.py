"""Have effects done again although they succeeded: what is owed once is then there twice.

A new effect is written beside the first one, with the same request under a key of its own, so that
no vendor takes it for what it has done already. Nothing but this ever does something twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import ClassVar, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from integrations.base import Alias
from integrations.registry import get_backend
from webhooks.models import Conversation, Effect, Replay
from webhooks.operations.retry import find_effects, name_integration
from webhooks.operations.selection import EffectSelection
from webhooks.operations.undertaking import Done, Foreseen, Undertaking
from webhooks.processing.hints import Work

State = Effect.State

ModelT = TypeVar("ModelT", bound=Model)

MOST_REDONE = 2000
"""Effects that may be done again at once: each of them has been looked at before."""

LONGEST_KEY = 230
"""Characters of a key that leave room for what makes another one of it."""

CONSEQUENCES: Mapping[Effect.Integration, str] = {
    Effect.Integration.CRM: "What is known of the conversation is written into the CRM again, over"
    " whatever stands there by now. No second record appears.",
    Effect.Integration.TICKETS: "A second ticket is opened for the same thing.",
    Effect.Integration.USAGE: "The seconds are recorded a second time, and billed twice unless"
    " somebody takes the first ones off the bill.",
    Effect.Integration.TASKS: "A second task is created for the same follow-up.",
}

NOT_REDONE: Mapping[Effect.State, str] = {
    State.PENDING: "not done yet, tried by itself",
    State.RUNNING: "under way",
    State.FAILED: "failed, so a retry does it once",
    State.DEAD: "dead, so a retry does it once",
    State.SKIPPED: "nothing was done that could be done again",
    State.CLOSED: "closed without being done",
}
"""Why a redo leaves effects alone, by their states."""

UNDER_WAY = (State.PENDING, State.RUNNING)

BEING_REDONE = "Left alone: being done again already"
REDO_FAILED = "Left alone: its second time failed: retry or close that one first"


class EffectRedo(Undertaking):
    """A redo of the effects that a selection means, as far as they succeeded.

    Left alone is what is being done again already, or was after this run was asked for: two people
    who ask for the same at the same moment mean one second time, and not two. So is that of which
    a second time failed: a retry would still do that one, beside the one that is asked for here.
    """

    size: ClassVar = 500
    nothing: ClassVar = (
        "none of them succeeded, or their second time is under way, or it failed: retry or close"
        " that one first."
    )

    def __init__(self, selection: EffectSelection) -> None:
        self.selection = selection

    def find(self, after: int | None = None, upto: int | None = None) -> QuerySet[Effect]:
        """Return the effects that are meant: where nothing names them, those that succeeded."""
        return find_effects(self.selection, Q(state=State.SUCCEEDED), after, upto)

    def describe_concerned(self) -> Q:
        """Return what holds for effects that can be done again."""
        return Q(state=State.SUCCEEDED) & ~Q(has_redo(*UNDER_WAY, *Effect.STOPPED))

    def foresee(self, keys: Sequence[int]) -> Foreseen:
        """Return how many effects would be done again, by integration, and what that means."""
        effects = Effect.objects.filter(pk__in=keys).order_by()
        succeeded = effects.filter(state=State.SUCCEEDED).values_list("pk", flat=True)
        under_way = set(succeeded.filter(has_redo(*UNDER_WAY)))
        failed = set(succeeded.filter(has_redo(*Effect.STOPPED))) - under_way
        again: Counter[str] = Counter()
        left_alone: Counter[str] = Counter()
        groups = effects.exclude(pk__in=under_way | failed).values_list("integration", "state")
        for integration, state, number in groups.annotate(Count("pk")):
            if state == State.SUCCEEDED:
                again[integration] += number
            else:
                left_alone[state] += number
        lines = {
            f"{name_integration(alias)}: done again": again[alias]
            for alias in Effect.Integration.values
        }
        lines |= {f"Left alone: {why}": left_alone[state] for state, why in NOT_REDONE.items()}
        notes = tuple(
            f"{name_integration(alias)}: {describe_redo(alias)}" for alias in sorted(again)
        )
        lines |= {BEING_REDONE: len(under_way), REDO_FAILED: len(failed)}
        return Foreseen(again.total(), lines, notes)

    def handle(self, run: Replay, keys: Sequence[int]) -> Done:
        """Write a new effect for each of these that succeeded."""
        written = redo_effects(run, keys)
        due: Counter[Work] = Counter(cast("Alias", effect.integration) for effect in written)
        return Done(effects_to_run=len(written), effects_kept=len(keys) - len(written), due=due)


def describe_redo(integration: str) -> str:
    """Return in plain words what doing an effect of this integration again leads to downstream."""
    alias = Effect.Integration(integration)
    try:
        rehearses = get_backend(cast("Alias", alias.value)).options.dry_run
    except ImproperlyConfigured:
        rehearses = False
    return "It only rehearses at present: nothing is sent." if rehearses else CONSEQUENCES[alias]


@transaction.atomic
def redo_effects(run: Replay, keys: Sequence[int]) -> list[Effect]:
    """Write a new effect, due now, for each of the effects that succeeded; return the new ones.

    Of an effect that was a second time itself, it is the first one that is done again: once,
    whichever of them are chosen.
    """
    chosen = Effect.objects.filter(pk__in=keys, state=State.SUCCEEDED)
    # Conversations before effects, and each kind in one order, as processing locks them.
    updated = chosen.filter(integration=Effect.Integration.CRM).values("conversation")
    lock(Conversation.objects.filter(pk__in=updated))
    originals = chosen.annotate(original=Coalesce("redo_of", "pk")).values("original")
    # Before their redos are looked at: of two people who ask for the same, the second one sees
    # what the first one wrote.
    found = lock(Effect.objects.filter(pk__in=originals))
    earlier = Effect.objects.filter(redo_of__in=[effect.pk for effect in found])
    redone: dict[int, list[Effect]] = {effect.pk: [] for effect in found}
    for redo in earlier.only("redo_of", "state", "idempotency_key"):
        redone[cast("int", redo.redo_of_id)].append(redo)
    written = Effect.objects.bulk_create(
        build_redo(run, effect, redone[effect.pk])
        for effect in found
        if not any(is_in_the_way(redo, run) for redo in redone[effect.pk])
    )
    tell_crm_again(written)
    return written


def lock(rows: QuerySet[ModelT]) -> list[ModelT]:
    """Lock the rows in the order of their keys, so that rows that refer to them may be written."""
    return list(rows.order_by("pk").select_for_update(no_key=True))


def is_in_the_way(redo: Effect, run: Replay) -> bool:
    """Tell whether a redo is what `run` asks for: it is not over, failed, or came after the run.

    That is told by its key, as what the run means is: no clock has a say in it.
    """
    return redo.state in {*UNDER_WAY, *Effect.STOPPED} or redo.pk > run.last_key


def tell_crm_again(effects: Iterable[Effect]) -> None:
    """Have CRMs take what is known of the effects' conversations for news.

    They are updated by version, and keep what they have of the same one.
    """
    conversations = {
        effect.conversation_id for effect in effects if effect.integration == Effect.Integration.CRM
    }
    Conversation.objects.filter(pk__in=conversations).update(version=F("version") + 1)


def build_redo(run: Replay, original: Effect, earlier: Iterable[Effect]) -> Effect:
    """Return the effect, not saved, that does what `original` and those earlier ones did."""
    key = original.idempotency_key
    if len(key) > LONGEST_KEY:
        key = sha256(key.encode()).hexdigest()
    key = f"{key}:redo:{count_redos(earlier) + 1}"
    return Effect(
        event_id=original.event_id,
        conversation_id=original.conversation_id,
        integration=original.integration,
        idempotency_key=key,
        # The request says its key, too, and that is the one that vendors are given.
        request=original.request and {**original.request, "idempotency_key": key},
        priority=Effect.Priority.RETRY,
        redo_of=original,
        replay=run,
    )


def count_redos(redos: Iterable[Effect]) -> int:
    """Return the number of the last redo; one of those before it may be gone."""
    numbers = (effect.idempotency_key.rpartition(":")[2] for effect in redos)
    return max((int(number) for number in numbers), default=0)


def has_redo(*states: Effect.State) -> Exists:
    """Return what holds for effects of which, or of whose original, a redo is in such a state."""
    original = Coalesce(OuterRef("redo_of"), OuterRef("pk"))
    return Exists(Effect.objects.filter(state__in=states, redo_of=original))
