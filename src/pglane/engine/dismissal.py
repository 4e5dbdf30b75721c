"""Ends clients whose role is not what it was: at once, or as soon as nothing is under way.

A client that is in a transaction, or waits for an answer, ends when that is over; one that waits
for a server connection has nothing under way. What is true for it is then simple: nothing it was
told is in doubt.

Through the direct door bytes pass unread. Such a client ends when the last that PostgreSQL sent
was that it is idle outside a transaction, and that is still so at the next look. Who pipelines may
have sent more; so it hears less. A stream of replication goes on.

Server connections of the role in that database go too: free ones now, the others when released.

A role that is dropped and made anew under its name leaves server connections of the old one:
PostgreSQL lets them live, and knows no name, grants or policies for them. Of those the monitor
tells (`connection.epochs`); where it does not look, the first that PostgreSQL says of it to a
client is enough. They go; the role's clients stay: they came in by what is known here.
"""

from typing import TYPE_CHECKING

from pglane.engine.replacing import links
from pglane.engine.server_link import ServerLink
from pglane.errors.roles import DirectRoleEnded, RoleEnded
from pglane.pool.ledger import SlotState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pglane.connection.role import Role
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.worker import Worker

LOOK_S = 0.05


def dismiss_all(worker: "Worker", role: "Role", change: str) -> None:
    """All clients of a role in one database, and its server connections there."""
    _replace_servers(worker, role)
    for client in list(worker.clients.values()):
        if client.user == role.user and client.database.name == role.database:
            dismiss(client, change)


def dismiss_surplus(worker: "Worker", role: "Role", change: str) -> None:
    """Clients of a role beyond what its CONNECTION LIMIT allows, the newest first."""
    clients = [client for client in worker.clients.values() if client.user == role.user]
    for client in clients[role.connections_max :]:
        dismiss(client, change)


def _replace_servers(worker: "Worker", role: "Role") -> None:
    database = worker.databases.get(role.database)
    if database is not None:
        _replace(database, _links_of(database, role.user))


def _links_of(database: "Database", user: str) -> "list[ServerLink]":
    return [link for link in links(database) if link.slot.user == user]


def _replace(database: "Database", stale: "Iterable[ServerLink]") -> int:
    """Free ones now, the others when released; how many were not to go yet."""
    count = 0
    for link in stale:
        count += not link.suspect
        link.suspect = True
        if link.slot.state == SlotState.IDLE:
            database.close(link)
    return count


def replace_roleless(database: "Database", process_ids: "Collection[int]") -> None:
    """Server connections of these backends, whose role is not there any more."""
    stale = [link for link in links(database) if link.process_id in process_ids]
    _tell_replaced(database, _replace(database, stale))


def role_is_gone(server: ServerLink) -> None:
    """PostgreSQL has said to a client that the role of its server connection is not there."""
    database = server.database
    stale = _links_of(database, server.slot.user)
    _tell_replaced(database, _replace(database, stale))


def _tell_replaced(database: "Database", count: int) -> None:
    if count:
        database.worker.log(
            "info",
            "role_made_anew",
            f"{count} server connections to database {database.name} are of a role that was "
            "dropped: they are replaced",
            database=database.name,
            connections=count,
        )


def dismiss(client: "ClientLink", change: str) -> None:
    """Ends one client, now or at its next idle moment; `change` says what its role has done."""
    if client.dismissal is not None:
        return
    server = client.server
    if server is not None and server.raw:
        client.dismissal = DirectRoleEnded(user=client.user, change=change)
        _look_at_raw(client, was_quiet=False)
        return
    client.dismissal = RoleEnded(user=client.user, change=change)
    if client.request is not None:
        client.database.withdraw(client)
        client.end_dismissed()
    elif client.has_nothing_under_way():
        client.end_dismissed()


def _look_at_raw(client: "ClientLink", was_quiet: bool) -> None:
    server = client.server
    if client.is_gone() or server is None:
        return
    quiet = server.quiet
    if quiet and was_quiet:
        client.end_dismissed()
    else:
        client.database.loop.call_later(LOOK_S, lambda: _look_at_raw(client, quiet))
