"""What new clients are told, where it may not be true any more.

A welcome is what a server connection of the same role and settings reported. After ALTER ROLE ..
SET, a reload, a restart or the loss of a database it is doubted: the next login asks a server
connection anew, and clients that are here are told with their next lease what has changed.

Where all server connections are held nobody can be asked. A login that waited `DOUBTED_S` for one
is let in by what was told before, and is from then on as a client that came before the change:
what is different is told ahead of the first answer. So a client that gets no turn now can still
come in and wait for one, as with any other welcome.

Not where the role was a superuser, or another role is asked for: whether it may be here is not
known then (`engine.origins`).

Rejected: a server connection beyond the budget, for asking only. Where the server is full, and
that is when it would be wanted, there is none to be had.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.welcome import Welcome
    from pglane.scheduler.request import Request

DOUBTED_S = 1.0
"""How long a login waits for somebody who can be asked: short for drivers, long for a lease."""
ROLES = ("role", "session_authorization")
SERVER_ENDS = (b"57P01", b"57P02", b"57P03", b"57P04")
"""SQLSTATEs with which the server, or its administrator, ends a session; what comes is another."""


def doubt(database: "Database") -> None:
    """What was told there may not hold any more."""
    for welcome in database.welcomes.values():
        welcome.doubted = True
    unsettle(database)


def unsettle(database: "Database") -> None:
    """Who is there is told with the next lease what is not as it was told."""
    for client in database.worker.clients.values():
        client.settled = client.settled and client.database is not database


def doubt_at_end(database: "Database", ending: dict[str, bytes] | None) -> None:
    """A server connection ended that we did not end; `ending`: what the server said, if it did.

    Of those that end together the first one is enough.
    """
    if ending is not None and ending.get("C") not in SERVER_ENDS:
        return
    if not all(welcome.doubted for welcome in database.welcomes.values()):
        doubt(database)


def come_in_later(client: "ClientLink", known: "Welcome") -> None:
    """Lets a client in by a doubted welcome if it still waits for a server connection then."""
    request = client.request
    asks_for_role = any(name in client.startup.items for name in ROLES)
    if request is not None and known.harmless and not asks_for_role:
        loop = client.database.loop
        loop.call_later(DOUBTED_S, lambda: _come_in(client, request, known))


def _come_in(client: "ClientLink", request: "Request", known: "Welcome") -> None:
    if client.welcomed or client.request is not request:
        return  # a client that was let in waits by the same request for its statements
    client.database.withdraw(client)
    client.comes_in(known)
