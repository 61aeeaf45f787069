"""Which undertaking stands behind an action with what was selected."""

from collections.abc import Callable, Mapping
from typing import Any

from webhooks.models import Replay
from webhooks.operations.closing import EffectClosing, EventClosing
from webhooks.operations.redo import EffectRedo
from webhooks.operations.replay import EventReplay
from webhooks.operations.retry import EffectRetry
from webhooks.operations.selection import (
    KIND,
    AnySelection,
    EffectSelection,
    Selection,
    SelectionError,
    read_selection,
)
from webhooks.operations.undertaking import Undertaking

Action = Replay.Action

UNDERTAKINGS: Mapping[tuple[Replay.Action, type[AnySelection]], Callable[[Any], Undertaking]] = {
    (Action.REPLAY, Selection): EventReplay,
    (Action.RETRY, EffectSelection): EffectRetry,
    (Action.REDO, EffectSelection): EffectRedo,
    (Action.CLOSING, EffectSelection): EffectClosing,
    (Action.CLOSING, Selection): EventClosing,
}

PERMISSIONS: Mapping[tuple[str, str], str] = {
    (Action.REPLAY, Selection.kind): "webhooks.replay_event",
    (Action.CLOSING, Selection.kind): "webhooks.replay_event",
    (Action.RETRY, EffectSelection.kind): "webhooks.retry_effect",
    (Action.CLOSING, EffectSelection.kind): "webhooks.retry_effect",
    (Action.REDO, EffectSelection.kind): "webhooks.redo_effect",
}
"""What somebody needs who asks for a run or stops it, by its action and the kind of its rows."""


def find_permission(run: Replay) -> str | None:
    """Return what somebody needs who stops the run; None where this version cannot read it."""
    return PERMISSIONS.get((run.action, run.selection.get(KIND, "")))


def undertake(action: Replay.Action, selection: AnySelection) -> Undertaking:
    """Return what the action is for what was selected. Raises `SelectionError` where it is none."""
    build = UNDERTAKINGS.get((action, type(selection)))
    if build is None:
        raise SelectionError(f"A {action.label} is not for {selection.kind}.")
    return build(selection)


def read_undertaking(run: Replay) -> Undertaking:
    """Return what a stored run is about.

    Raises `SelectionError` where this version cannot read it.
    """
    return undertake(Action(run.action), read_selection(run.selection))
