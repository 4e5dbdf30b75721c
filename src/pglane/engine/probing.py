"""After a statement whose effects no text shows: is anything there? Then what?

Before such a lease ends, one query of our own looks at the session (`connection.session_probe`).

* Nothing: the server connection is released like any other.
* Other settings: they are read back and travel with the client, as after a SET.
* Something that cannot be moved: its client keeps the server connection, for that is how a private
  connection behaves. The statement's fingerprint is logged, and counts as stateful from then on:
  it is refused, or pins, by the same rules as a statement whose text shows the same.

In a lease of several such statements nobody can tell which of them it was; none is blamed.
"""

from typing import TYPE_CHECKING

from pglane.connection.session_probe import Found, probe_text, read_probe, state_names
from pglane.engine.handover import abandoned
from pglane.engine.reading_back import pin, read_back
from pglane.wire.statements import Verdict

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.server_link import ServerLink

SUMS_MAX = 16
"""Settings of a server connection whose hash is remembered."""


def probe(client: "ClientLink", server: "ServerLink") -> None:
    """Looks at the session, then ends the lease as it should."""
    watch = server.database.watch
    watch.probes += 1
    names = watch.looked_at(server.vector.items, client.requests.settings)
    text = probe_text(names).encode("utf-8", "surrogateescape")
    server.run(text, lambda fine: _probed(client, server, fine))


def _probed(client: "ClientLink", server: "ServerLink", succeeded: bool) -> None:
    found = read_probe(server.exchange.own.row) if succeeded else None
    requests = client.requests
    unseen: list[Verdict] = requests.unseen
    requests.unseen = []
    if server.client is not client:
        server.dirty = True
        abandoned(server)
    elif found is None:
        _look_failed(client, server)
    elif found.effects:
        _stays(client, server, found.effects, unseen)
    else:
        sight = server.database.watch.sight
        for verdict in unseen:
            sight.left_nothing(verdict)
        _settings_are(client, server, found)


def _settings_are(client: "ClientLink", server: "ServerLink", found: Found) -> None:
    """Nothing but settings can have changed."""
    if server.sums.get(server.vector) == found.settings:
        client.requests.settings = set()
        server.exchange.changed.clear()
        client.end_lease(server)
        return
    server.sum = found.settings
    read_back(client, server, everything=True)


def _look_failed(client: "ClientLink", server: "ServerLink") -> None:
    """What is there is not known: nobody gets this server connection any more."""
    database = server.database
    database.worker.log(
        "warning",
        "probe_failed",
        f"a session of database {database.name} could not be looked at; it is closed",
        database=database.name,
        user=server.slot.user,
    )
    server.suspect = True
    read_back(client, server, everything=True)


def _stays(
    client: "ClientLink", server: "ServerLink", effects: int, unseen: list[Verdict]
) -> None:
    """The session holds what cannot be moved."""
    database = server.database
    watch = database.watch
    known = len(unseen) != 1 or not watch.sight.left(unseen[0], effects)
    if not known:
        watch.renew()
    if not known or len(unseen) > 1:
        database.worker.log(
            "warning",
            "unseen_state",
            f"a statement left {state_names(effects)} in the session without its text showing it; "
            "its client keeps the server connection. It belongs behind the session door",
            database=database.name,
            user=client.user,
            application=client.vector.items.get("application_name", ""),
            fingerprints=" ".join(verdict.fingerprint for verdict in unseen),
        )
    if client.session_state is not None:
        client.session_state.has(effects)
    pin(client, server)


def keep_sum(server: "ServerLink") -> None:
    """The settings that hold are known now, and their hash."""
    if len(server.sums) >= SUMS_MAX:
        server.sums.clear()
    server.sums[server.vector] = server.sum
    server.sum = b""
