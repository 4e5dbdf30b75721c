"""As whom a monitor logs in: with what the configuration has, or as a client of that database has.

Where users come in by SCRAM verifiers or md5 hashes, the configuration has no password to log in
with, and the first user that has one may not be let into every database. A role that the server
has just let into this one, with what its client showed, can read the catalogs as well: the worker
tells which with each server connection that it opens while nobody watches.

A role's own limit counts for the monitor, too. Where that would be felt it stays out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pglane.config.settings import Settings
from pglane.connection.server_login import Credentials
from pglane.wire.md5 import Md5Hash
from pglane.wire.scram import ScramKeys

CONNECTIONS_MIN = 10
"""A role that may have fewer keeps them for its clients."""
CONNECTIONS_QUERY = """SELECT r.rolconnlimit FROM pg_catalog.pg_roles AS r
WHERE r.rolname OPERATOR(pg_catalog.=) session_user AND NOT r.rolsuper"""
"""How many the role may have; -1: as many as it likes. Superusers are not limited."""


@dataclass(frozen=True, slots=True)
class MonitorLogin:
    """A role, and what is known to log in with.

    Attributes:
        user: the role; empty if none is known.
        credentials: what proves it.
        lent: it is a client's.
    """

    user: str
    credentials: Credentials = field(default=Credentials(), repr=False)
    lent: bool = False

    @property
    def proves(self) -> bool:
        """Whether there is anything to prove it with; a server may ask for nothing."""
        known = self.credentials
        return bool(known.password or known.keys or known.md5)


def configured_login(settings: Settings) -> MonitorLogin:
    """`server.monitor_user`, or the gateway's own role, or the first user with a password."""
    passwords = {user.name: user.password for user in settings.users}
    if settings.server_user:
        passwords.setdefault(settings.server_user, settings.server_password)
    user = settings.monitor_user
    if not user:
        known = [name for name in (settings.server_user, *passwords) if passwords.get(name)]
        user = known[0] if known else settings.server_user
    return MonitorLogin(user, Credentials(passwords.get(user, "").encode()))


def lent_login(settings: Settings, told: Mapping[str, Any]) -> MonitorLogin:
    """What the worker has told of a client's role (`engine.worker`).

    Args:
        settings: may have its password.
        told: {user, keys, md5}, the latter two None where it has none.
    """
    user = told["user"]
    password = next((each.password for each in settings.users if each.name == user), "")
    keys, md5 = told["keys"], told["md5"]
    credentials = Credentials(
        password.encode(),
        ScramKeys.of_told(keys) if keys else None,
        md5=Md5Hash.parse(md5.encode()) if md5 else None,
    )
    return MonitorLogin(user, credentials, lent=True)


def logins(settings: Settings, lent: MonitorLogin | None) -> list[MonitorLogin]:
    """In which order they are tried: who can prove something first. Never empty.

    Where a `monitor_user` is named, it is that one and nobody else.
    """
    configured = configured_login(settings)
    if lent is None or settings.monitor_user:
        return [configured]
    if configured.proves and configured.user == lent.user:
        return [configured]
    known = [each for each in (configured, lent) if each.user]
    return sorted(known, key=lambda each: not each.proves)


def connections_max(rows: list[list[bytes | None]]) -> int:
    """How few connections the role may have, by the answer to `CONNECTIONS_QUERY`; -1: enough."""
    most = int(rows[0][0] or b"-1") if rows else -1
    return most if most < CONNECTIONS_MIN else -1
