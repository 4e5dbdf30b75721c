"""What PostgreSQL says of a role in one database, and what follows for its clients.

The order is PostgreSQL's: the password first, with VALID UNTIL, then NOLOGIN, CONNECTION LIMIT and
the privilege to connect. So only who knows the password hears of the others. A role that does not
exist, has no password or is not valid any more is asked for a proof like any other.

A role of the user file keeps the secret that stands there; what the server says of such a role
counts for the rest, and one that the server does not know is let in: it may be the console's.
"""

from dataclasses import dataclass, field

from pglane.errors import Refusal
from pglane.errors.roles import DatabaseNotGranted, RoleConnectionsUsedUp, RoleMayNotLogIn

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it was seen, in one database.

    Attributes:
        user: its name.
        database: the client's.
        oid: another one for a role of the same name that was made anew; "": there is none.
        secret: what is kept of its password, as in pg_authid; "": nothing, or no such role.
        expired: VALID UNTIL is over.
        may_log_in: not NOLOGIN.
        may_connect: it has the privilege; also where there is no such database.
        connections_max: CONNECTION LIMIT; UNLIMITED, too, for superusers.
    """

    user: str
    database: str
    oid: str = ""
    secret: str = field(default="", repr=False)
    expired: bool = False
    may_log_in: bool = True
    may_connect: bool = True
    connections_max: int = UNLIMITED

    def usable_secret(self) -> str:
        """What a client may show to know."""
        return "" if self.expired else self.secret

    def objection(self, connected: int) -> Refusal | None:
        """Why one more client of it may not come in although its password is right."""
        if not self.may_log_in:
            return RoleMayNotLogIn(user=self.user)
        if 0 <= self.connections_max <= connected:
            return RoleConnectionsUsedUp(
                user=self.user, seen=connected, allowed=self.connections_max
            )
        if not self.may_connect:
            return DatabaseNotGranted(user=self.user, database=self.database)
        return None

    def change(self, before: "Role", own_secret: bool) -> str:
        """Why clients that came in by what was seen before may not stay, in words; "": they may.

        Args:
            before: what was seen then.
            own_secret: they came in by the secret of the user file.
        """
        if not self.may_log_in:
            return "is not permitted to log in any more"
        if not self.may_connect:
            return f'may not connect to database "{self.database}" any more'
        if before.oid and before.oid != self.oid:
            return "was dropped"
        if own_secret:
            return ""
        if self.expired and not before.expired:
            return "is not valid any more (VALID UNTIL)"
        return "has another password" if self.secret != before.secret else ""


class KnownRole:
    """A role that is remembered; what is known of it is replaced when something else is seen.

    Attributes:
        role: what was seen last; the same object as long as it is the same.
        read: when that was asked for, in seconds of the clock.
        fresh: it is not too old to let somebody in by it.
        clients: how many came in by it and are here.
    """

    __slots__ = ("clients", "fresh", "read", "role")

    def __init__(self, role: Role, read: float) -> None:
        self.role = role
        self.read = read
        self.fresh = True
        self.clients = 0

    def learn(self, role: Role, read: float) -> Role:
        """What was seen now; returns what was known before."""
        before = self.role
        if role != before:
            self.role = role
        self.read = read
        self.fresh = True
        return before
