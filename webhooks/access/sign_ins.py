"""Write down in the audit list who came in, went, failed to, and was locked out."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from webhooks.audit import Actor, record
from webhooks.models import AuditEntry
from webhooks.remote_address import read_remote_address

UNKNOWN = "unknown"
"""Who gave a name that nobody has: it may be a password, typed into the wrong field."""


@receiver(user_logged_in)
def note_login(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Write down that somebody came in."""
    note(AuditEntry.Action.LOGIN, request, user)


@receiver(user_logged_out)
def note_logout(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    """Write down that somebody went; nobody does who was not there."""
    if user is not None:
        note(AuditEntry.Action.LOGOUT, request, user)


@receiver(user_login_failed)
def note_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Write down that a password or code was wrong, but not what is tried during a lockout."""
    if request is not None and not is_turned_away(request):
        detail = f"wrong {credentials.get('wrong', 'password')}"
        note(AuditEntry.Action.LOGIN_FAILED, request, find_user(credentials), detail)


@receiver(user_locked_out)
def note_lockout(request: HttpRequest, username: str | None, **_: Any) -> None:
    """Write down that a lockout began."""
    if not is_turned_away(request):
        note(AuditEntry.Action.LOCKED_OUT, request, find_user({"username": username}))


def is_turned_away(request: HttpRequest) -> bool:
    """Tell whether the request came during a lockout, so that nothing of it was looked at.

    axes counts the failures only of what was.
    """
    is_locked_out: bool = getattr(request, "axes_locked_out", False)
    return is_locked_out and getattr(request, "axes_failures_since_start", None) is None


def find_user(credentials: dict[str, Any]) -> User | None:
    """Return whose account somebody tried to come in with, if there is one of that name."""
    name = str(credentials.get("username") or "")
    # No account's name has a NUL in it, and Postgres takes none.
    return None if "\0" in name else User.objects.filter(username=name).first()


def note(
    action: AuditEntry.Action, request: HttpRequest | None, user: User | None, detail: str = ""
) -> None:
    """Write the entry, unless no browser has asked: then nobody came through a door."""
    if request is None or request.method is None:
        return
    actor = Actor(
        door=AuditEntry.Door.ADMIN,
        name=user.get_username() if user else UNKNOWN,
        user=user,
        remote_address=read_remote_address(request),
    )
    record(action, actor, detail=detail)
