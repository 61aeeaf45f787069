"""Whose account the embedded Postgres runs under: Postgres refuses to run as root."""

import os
import pwd
import stat
import subprocess
import time
from pathlib import Path
from typing import TypedDict

ACCOUNT = "switchboard-postgres"


class SubprocessAccount(TypedDict, total=False):
    """The part of `subprocess.run`'s arguments that says under which account it runs."""

    user: int
    group: int
    extra_groups: list[int]


def account_for(folder: Path) -> pwd.struct_passwd | None:
    """Return the account that must run the server whose data is in `folder`; None is our own.

    As root that is whoever owns the data already, or a system account made for the purpose, which
    is then given the folder. As anybody else the folder must be one's own.

    Raises:
        PermissionError: the folder belongs to somebody else, or root may not make accounts here.
    """
    owner = folder.stat().st_uid
    if os.geteuid() != 0:
        if owner != os.geteuid():
            raise PermissionError(1, "belongs to another user", str(folder))
        return None
    if owner != 0:
        return pwd.getpwuid(owner)
    account = find_or_make_account()
    os.chown(folder, account.pw_uid, account.pw_gid)
    return account


def find_or_make_account() -> pwd.struct_passwd:
    """Return the system account for the server, making it at the first call on this machine."""
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    for _ in range(20):
        try:
            return pwd.getpwnam(ACCOUNT)
        except KeyError:
            pass
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- fixed
        except FileNotFoundError as error:
            raise PermissionError(1, "no useradd to make an account with", ACCOUNT) from error
        except subprocess.CalledProcessError:
            # Another start makes it at this moment and holds the lock on the accounts.
            time.sleep(0.1)
    raise PermissionError(1, "useradd refuses to make the account", ACCOUNT)


def running_as(account: pwd.struct_passwd | None) -> SubprocessAccount:
    """Return the arguments with which `subprocess.run` runs a program under `account`."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def open_the_way(folder: Path, account: pwd.struct_passwd) -> None:
    """Let `account` reach `folder`, and read what is in it, where it cannot do so yet.

    Only root needs this. Folders on the way get the right to be passed through (x), never to be
    listed (r): Postgres has to get from / to its data and its programs, which may lie below
    root's closed home, and nobody else should learn from that what else is there.
    """
    for parent in folder.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
    if folder.stat().st_uid == account.pw_uid or folder.stat().st_mode & stat.S_IROTH:
        return
    # Installed under a closed umask: what root may read and run, the account may now too.
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & (stat.S_IRUSR | stat.S_IXUSR)) >> 6)
