"""Say what a run would do, without doing any of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webhooks.models import Replay
from webhooks.operations.actions import undertake
from webhooks.operations.selection import AnySelection
from webhooks.operations.undertaking import Foreseen
from webhooks.operations.walking import Walk, find_last_key

COUNTING = 1.0
LOOKING = 4.0
"""Seconds that whoever cannot wait gives to counting the rows, and to looking at them."""

EVER = float("inf")


@dataclass(frozen=True, slots=True)
class RunPreview:
    """What a run would do.

    `found` rows are meant, of which the first `examined` were looked at: all, unless a limit was
    set. Where `is_counted` is False there are more than `found`, too many to be counted in a
    moment. Of those examined it would be done to `rows`. `lines` count them in words, and `notes`
    are sentences to know beforehand.
    """

    found: int
    examined: int
    rows: int
    lines: Sequence[tuple[str, int]]
    notes: Sequence[str]
    is_counted: bool = True

    @property
    def is_partial(self) -> bool:
        """Whether only a part was examined."""
        return self.examined < self.found or not self.is_counted


def preview_run(
    action: Replay.Action,
    selection: AnySelection,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> RunPreview:
    """Return what a run would do now.

    With `limit`, for whoever cannot wait, at most so many rows are examined, and no more than can
    be in a few seconds; the notes say so. `progress` is told the size of each batch, and how many
    rows there are. Raises ValueError where the action is not one for what was selected.
    """
    undertaking = undertake(action, selection)
    began = time.monotonic()
    upto = find_last_key(undertaking.find().model)
    counting, looking = (EVER, EVER) if limit is None else (began + COUNTING, began + LOOKING)
    counted = Walk(undertaking.find, 0, upto).count(counting)
    walk = Walk(undertaking.find, 0, upto, undertaking.weight)
    most = EVER if limit is None else limit
    seen, examined = Foreseen(), 0
    while not walk.is_over and examined < most and time.monotonic() < looking:
        keys = walk.take(int(min(undertaking.size, most - examined))).keys
        if keys:
            seen += undertaking.foresee(keys)
            examined += len(keys)
            if progress:
                progress(len(keys), counted or 0)
    is_whole = walk.is_over or examined == counted
    return RunPreview(
        found=examined if is_whole else max(counted or 0, examined),
        examined=examined,
        rows=seen.rows,
        lines=[(words, number) for words, number in seen.lines.items() if number],
        notes=[*([] if is_whole else [tell_part(examined, counted)]), *seen.notes],
        is_counted=is_whole or counted is not None,
    )


def tell_part(examined: int, counted: int | None) -> str:
    """Return what has to be said where not all rows were looked at."""
    of_how_many = "more than can be counted in a moment" if counted is None else f"{counted:,}"
    return f"Only the first {examined:,} of {of_how_many} were looked at; all are meant."
