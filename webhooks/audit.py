"""Write down who did what; people read it in one list."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from integrations.management.operator import name_operator
from webhooks.models import AuditEntry
from webhooks.remote_address import read_remote_address


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


def actor_of(
    request: HttpRequest, door: AuditEntry.Door = AuditEntry.Door.ADMIN, name: str = ""
) -> Actor:
    """Return who sent the request, and from where; REST framework's requests are taken as well.

    `name` is what to call somebody who is not logged in.
    """
    user = request.user if isinstance(request.user, User) else None
    return Actor(
        door=door,
        name=user.get_username() if user else name,
        user=user,
        remote_address=read_remote_address(request),
    )


def actor_of_command() -> Actor:
    """Return who typed the command, as far as the system knows."""
    return Actor(door=AuditEntry.Door.COMMAND, name=name_operator())


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
