"""From one client to the next: a server connection is made ready, and put in order after it.

Each step is a query of our own on the server connection. The client may be gone when its answer
comes: then the server connection is nobody's, and `abandoned` decides what it needs before it
goes to somebody else.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.settings import apply_statement, differences, read_back_statement
from pglane.engine.server_link import ServerLink
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink


def prepare_lease(client: "ClientLink", server: ServerLink) -> None:
    """Makes the client's settings true on the server connection, then lets it go on."""
    if server.client is not client:
        abandoned(server)
        return
    if server.raw:
        client.raw_begins(server)
        return
    if not client.door.REWRITES_NAMES and len(server.exchange.statements):
        server.exchange.statements.clear()
        server.run(b"DEALLOCATE ALL", lambda _: prepare_lease(client, server))
        return
    wanted = differences(server.vector, server.base, client.vector)
    if not wanted:
        server.vector = client.vector
        client.lease_ready(server)
        return
    text = apply_statement(wanted).encode("utf-8", "surrogateescape")
    server.run(text, lambda fine: applied(client, server, fine))


def applied(client: "ClientLink", server: ServerLink, succeeded: bool) -> None:
    """The server has taken the client's settings, or none of them."""
    server.exchange.changed.clear()
    if succeeded:
        server.vector = client.vector
    if server.client is not client:
        abandoned(server)
    elif succeeded:
        client.lease_ready(server)
    else:
        client.settings_refused(server.exchange.internal_error or {})


def read_back(client: "ClientLink", server: ServerLink) -> None:
    """The client changed settings: what are they now?"""
    requests = client.requests
    if requests.effects & Effect.RESET_ALL:
        clean_for(client, server)
        return
    changes = server.reported_changes()
    wanted = requests.settings - set(changes)
    if requests.effects & Effect.ROLE:
        wanted |= {"role", "session_authorization"}
    names = sorted(wanted)
    requests.settings.clear()
    if not names:
        settle(client, server, changes)
        return

    def read(succeeded: bool) -> None:
        rows = server.exchange.internal_rows
        if succeeded and len(rows) == len(names):
            told = zip(names, rows, strict=True)
            changes.update(
                {n: v.decode("utf-8", "surrogateescape") for n, v in told if v is not None}
            )
        else:
            server.suspect = True  # what holds on it is not known
        settle(client, server, changes)

    text = read_back_statement(names).encode("utf-8", "surrogateescape")
    server.run(text, read)


def settle(client: "ClientLink", server: ServerLink, changes: dict[str, str]) -> None:
    """The new settings are the client's and true on this server connection."""
    vector = server.database.worker.vectors.changed(client.vector, changes)
    server.vector = vector
    if server.client is not client:
        abandoned(server)
        return
    client.settings_are(vector)
    client.end_lease(server)


def clean_for(client: "ClientLink", server: ServerLink) -> None:
    """Cleans before the lease ends; after RESET ALL the client is as it began."""
    if client.requests.effects & Effect.RESET_ALL:
        client.settings_are(client.startup)
    client.requests.settings.clear()

    def cleaned(succeeded: bool) -> None:
        server.suspect = server.suspect or not succeeded
        if server.client is not client:
            abandoned(server)
        else:
            client.end_lease(server)

    server.clean(cleaned)


def abandoned(server: ServerLink) -> None:
    """A server connection whose client is gone has nothing outstanding any more."""
    if server.closing or not server.feedable():
        return
    exchange = server.exchange
    if exchange.outstanding():
        return
    database = server.database
    if exchange.status != IDLE_STATUS:
        server.dirty = True
        database.desk.cleaning(server.slot, database.loop.now)
        server.roll_back(lambda fine: put_in_order(server, fine))
    elif server.dirty or exchange.changed:
        server.dirty = False
        database.desk.cleaning(server.slot, database.loop.now)
        server.clean(lambda fine: put_in_order(server, fine))
    else:
        database.release(server)


def put_in_order(server: ServerLink, succeeded: bool) -> None:
    """One step of it is done."""
    if succeeded:
        abandoned(server)
    else:
        server.database.close(server)
