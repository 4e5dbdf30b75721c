"""Whom the embedded PostgreSQL runs as.

PostgreSQL refuses to run as root. When pglane is root (containers, mostly), the server and initdb
run as an unprivileged account that exists already; pglane creates none. Data that exist decide:
the server runs as their owner. An ordinary user runs everything as himself.

Whether that account can reach a folder is found by trying, not by reading mode bits: access lists,
capabilities and mount options are then right as well.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pglane.errors.embedded import AccountDenied, AccountMissing, FolderUnusable
from pglane.errors.refused import RefusedError

ENVIRONMENT_KEPT = ("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
PROGRAM_S_MAX = 300
"""initdb on a slow disk; everything else takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system. `changed` is False when it is the one we run as anyway."""

    name: str
    uid: int
    gid: int
    changed: bool

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that run a program as this account."""
        own = {"env": environment(), "cwd": "/", "stdin": subprocess.DEVNULL}
        if not self.changed:
            return own
        return own | {"user": self.uid, "group": self.gid, "extra_groups": []}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a short program to its end as this account.

        Raises:
            RefusedError: we may not change to the account.
            PermissionError: the account may not execute the program.
            OSError: the program cannot be executed at all.
            subprocess.TimeoutExpired: it took longer than `PROGRAM_S_MAX`.
        """
        try:
            return subprocess.run(  # noqa: S603 - a fixed program, no shell
                [str(word) for word in command],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=PROGRAM_S_MAX,
                **self.options,
            )
        except PermissionError as error:
            if self.changed and error.filename is None:
                refusal = AccountDenied(account=self.name, seen=error.strerror)
                raise RefusedError(refusal) from error
            raise

    def can_enter(self, folder: Path) -> bool:
        """True when this account can reach what lies in `folder`, by name."""
        return self.run("/bin/sh", "-c", 'cd -- "$0"', folder).returncode == 0

    def own(self, path: Path, mode: int) -> None:
        """Gives something that pglane has just created to this account."""
        try:
            path.chmod(mode)
            if self.changed:
                os.chown(path, self.uid, self.gid)
        except OSError as error:
            refusal = FolderUnusable(folder=path, seen=error.strerror)
            raise RefusedError(refusal) from error


def environment() -> dict[str, str]:
    """What PostgreSQL's programs see: no PG* variable, messages in English."""
    kept = {name: os.environ[name] for name in ENVIRONMENT_KEPT if name in os.environ}
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | kept


def choose_account(wanted: str, data: Path) -> Account:
    """The account for the server whose data lie in `data` (which need not exist).

    Args:
        wanted: name of the account to use when we are root and there are no data yet.
        data: PostgreSQL's data directory.

    Raises:
        RefusedError: there is no such account, or the data belong to somebody else.
    """
    uid = os.geteuid()
    owner = data.stat() if data.exists() else None
    if uid != 0:
        if owner is not None and owner.st_uid != uid:
            seen = f"{data} belongs to user id {owner.st_uid}, you are user id {uid}"
            raise RefusedError(FolderUnusable(folder=data, seen=seen))
        return Account(str(uid), uid, os.getegid(), changed=False)
    if owner is not None and owner.st_uid != 0:
        return Account(f"user id {owner.st_uid}", owner.st_uid, owner.st_gid, changed=True)
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError:
        entry = None
    if entry is None or entry.pw_uid == 0:
        raise RefusedError(AccountMissing(account=wanted))
    return Account(wanted, entry.pw_uid, entry.pw_gid, changed=True)
