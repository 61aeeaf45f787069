"""Write down who did what; people read it in one list."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Model

from webhooks.models import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who has something done: through which door, and from where if that is known.

    `user` is their account, where they have one here; `name` is what they are called by the door,
    such as the account of the machine on which a command was typed.
    """

    door: AuditEntry.Door
    name: str
    user: User | None = None
    remote_address: str | None = None


def record(
    action: AuditEntry.Action, actor: Actor, subject: Model | None = None, detail: str = ""
) -> AuditEntry:
    """Write down that `actor` did `action` to `subject`; `detail` is the reason, or what changed.

    Called in the transaction that does it, so that neither is there without the other. `detail`
    holds nothing of a payload, and no secret.
    """
    return AuditEntry.objects.create(
        action=action,
        door=actor.door,
        actor=actor.user,
        actor_name=actor.name[:150],
        remote_address=actor.remote_address,
        subject_type=subject._meta.label_lower if subject is not None else "",  # noqa: SLF001 -- Django's public name
        subject_id=str(subject.pk)[:100] if subject is not None else "",
        subject=str(subject)[:300] if subject is not None else "",
        detail=detail[:1000],
    )
