"""Write down in the audit list who came in, went, failed to, and was locked out."""

from datetime import timedelta
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.functions import Now
from django.dispatch import receiver
from django.http import HttpRequest

from webhooks.access.failures import span_of
from webhooks.audit import Actor, record
from webhooks.models import AuditEntry
from webhooks.remote_address import read_remote_address

UNKNOWN = "unknown"
"""Who gave a name that nobody has: it may be a password, typed into the wrong field."""

NOTED_EVERY = timedelta(hours=1)


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
def note_lockout(request: HttpRequest, **_: Any) -> None:
    """Write down that a lockout began; the name that axes gives with it is a hash."""
    if not is_turned_away(request):
        credentials = request.axes_credentials  # type: ignore[attr-defined] # axes has set it
        note(AuditEntry.Action.LOCKED_OUT, request, find_user(credentials))


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
    """Write the entry, unless no browser has asked: then nobody came through a door.

    Of somebody unknown, the first of an hour is enough: strangers are not to fill the list.
    """
    if request is None or request.method is None:
        return
    address = read_remote_address(request)
    if user is None and is_noted(action, address):
        return
    actor = Actor(
        door=AuditEntry.Door.ADMIN,
        name=user.get_username() if user else UNKNOWN,
        user=user,
        remote_address=address,
    )
    record(action, actor, detail=detail)


def is_noted(action: AuditEntry.Action, address: str | None) -> bool:
    """Tell whether this is written down already of somebody unknown, from there, in this hour."""
    entries = AuditEntry.objects.filter(
        actor_name=UNKNOWN, action=action, at__gt=Now() - NOTED_EVERY
    )
    if address is None:
        return entries.filter(remote_address=None).exists()
    span = span_of(address)
    return entries.filter(remote_address__range=(str(span[0]), str(span[-1]))).exists()
