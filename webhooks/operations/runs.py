"""Have something done to many rows: look ahead, ask for it, follow it, stop it.

Whoever asks, in the admin, over the API or with a command, does no more than write the request
down. Workers (`operations.running`) see it through batch by batch; a command may do so itself.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from integrations.text import make_storable
from webhooks.audit import Actor, record
from webhooks.models import AuditEntry, Replay
from webhooks.operations.actions import undertake
from webhooks.operations.claims import claim_run
from webhooks.operations.previews import RunPreview, preview_run
from webhooks.operations.running import Progress, go_on
from webhooks.operations.selection import AnySelection
from webhooks.operations.telling import tell_workers
from webhooks.operations.undertaking import Undertaking
from webhooks.operations.walking import Walk, find_last_key

__all__ = [
    "Asked",
    "NothingToDoError",
    "RequestKeyTakenError",
    "RunPreview",
    "ask_for",
    "carry_out",
    "preview_run",
    "stop",
]

logger = structlog.stdlib.get_logger(__name__)

AUDITED: Mapping[Replay.Action, AuditEntry.Action] = {
    Replay.Action.REPLAY: AuditEntry.Action.REPLAY,
    Replay.Action.RETRY: AuditEntry.Action.RETRY,
    Replay.Action.REDO: AuditEntry.Action.REDO,
    Replay.Action.CLOSING: AuditEntry.Action.CLOSING,
}

LONGEST_REASON = 500
PATIENCE = 1.0
"""Seconds that whoever asks waits for the rows to be counted."""
LOOK = 0.5
"""Seconds between two looks at a run that somebody else works on."""


class NothingToDoError(ValueError):
    """There is nothing that could be done to what was selected; the message says so to people."""


class RequestKeyTakenError(ValueError):
    """The request's key stands for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for something to be done, and why.

    `request_key` names the page, or the program's request, from which it is asked: who asks twice
    from the same one is given the same run. `last_key` is that of the last row that a page has told
    of: what has come since is not meant.
    """

    actor: Actor
    reason: str
    request_key: uuid.UUID | None = None
    last_key: int | None = None


def ask_for(action: Replay.Action, selection: AnySelection, asked: Asked) -> Replay:
    """Write down that somebody wants this done, and have a worker begin soon; return the run.

    Rows that come later are not meant. Called outside any transaction, or the worker is told when
    that commits. Raises `NothingToDoError` where there is nothing that it could be done to,
    `RequestKeyTakenError`, and ValueError where no reason is given or the action is not one for
    what was selected.
    """
    undertaking = undertake(action, selection)
    reason = make_storable(asked.reason).strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise ValueError(f"Say why, in at most {LONGEST_REASON} characters.")
    run = Replay(
        action=action,
        requested_by=asked.actor.user,
        requested_from=name_door(asked.actor),
        reason=reason,
        selection=selection.describe(),
        request_key=asked.request_key,
    )
    if earlier := find_earlier(run):
        return earlier
    newest = find_last_key(undertaking.find().model)
    run.last_key = newest if asked.last_key is None else min(asked.last_key, newest)
    check_concerned(undertaking, run.last_key)
    # What takes longer is counted by a worker.
    ends_at = time.monotonic() + PATIENCE
    run.found = Walk(undertaking.find, 0, run.last_key).count(ends_at) or 0
    try:
        with transaction.atomic():
            run.save()
            record(AUDITED[action], asked.actor, run, reason)
            transaction.on_commit(lambda: tell_workers({"replays": 1}), robust=True)
    except IntegrityError:
        # Somebody was faster from the same page.
        if earlier := find_earlier(run):
            return earlier
        raise
    logger.info("run_asked_for", run=run.pk, action=action.value, rows=run.found)
    return run


def carry_out(run: Replay, progress: Progress | None = None) -> Replay:
    """See a run through in this process, or follow whoever does; return it when it has ended.

    Called by commands, outside any transaction. Whatever ends it early, Ctrl-C above all, leaves
    the run to the workers, who go on where it was. Raises `django.db.Error` where Postgres is away.
    """
    while True:
        if claim := claim_run(run.pk):
            go_on(claim, float("inf"), progress)
        run.refresh_from_db()
        if run.state not in Replay.UNDER_WAY:
            return run
        if progress:
            progress(run)
        time.sleep(LOOK)


def stop(run: Replay, actor: Actor, reason: str = "") -> bool:
    """Have the run end: after the batch that is under way, or at once where none is.

    Returns whether that was still to be said, and records who said it, and why if that is told.
    `run` is brought up to date.
    """
    with transaction.atomic():
        rows = Replay.objects.select_for_update(no_key=True)
        now = rows.annotate(is_held=Q(lease__isnull=False, due_at__gt=Now())).get(pk=run.pk)
        is_wanted = now.state in Replay.UNDER_WAY and not now.is_stopping
        if is_wanted:
            end_now = {"state": Replay.State.STOPPED, "lease": None, "finished_at": Now()}
            Replay.objects.filter(pk=run.pk).update(
                is_stopping=True, stopped_by=actor.user, **({} if now.is_held else end_now)
            )
            detail = f"After {now.looked_at} rows. {make_storable(reason)}".strip()
            record(AuditEntry.Action.STOP, actor, now, detail)
    run.refresh_from_db()
    return is_wanted


def check_concerned(undertaking: Undertaking, upto: int) -> None:
    """Raise `NothingToDoError` where there is nothing to do, as far as a moment's look tells."""
    ends_at = time.monotonic() + PATIENCE
    concerned = undertaking.describe_concerned()
    walk = Walk(lambda after, upto: undertaking.find(after, upto).filter(concerned), 0, upto)
    while not walk.is_over:
        if walk.take(1).keys or time.monotonic() >= ends_at:
            return
    raise NothingToDoError(f"Nothing to do: {undertaking.nothing}")


def find_earlier(run: Replay) -> Replay | None:
    """Return the run that was asked for under the same key. Raises `RequestKeyTakenError`."""
    if run.request_key is None:
        return None
    earlier = Replay.objects.filter(request_key=run.request_key).first()
    if earlier and (earlier.action, earlier.selection) != (run.action, run.selection):
        raise RequestKeyTakenError("The key of this request stands for another one.")
    return earlier


def name_door(actor: Actor) -> str:
    """Return through which door somebody came, and what they are called who have no account."""
    door = AuditEntry.Door(actor.door).label
    return (door if actor.user else f"{door}, {actor.name}")[:100]
